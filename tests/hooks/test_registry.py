"""Registering hooks: constructor, decorators, mappings, objects; functions of any shape."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from headwater.hooks.registry import Hooks
from headwater.hooks.request import HookRequest
from headwater.side import Side


async def authentication(username: str, password: str) -> bool:
    return username == password


def check_mount(request: HookRequest) -> bool:
    return request.path == "/a"


def first(mount: object) -> None: ...
def second(mount: object, session: object = None) -> None: ...
def everything(*payload: object) -> None: ...


def _functions(hooks: Hooks, name: str) -> list[Any]:
    return [hook.function for hook in hooks.registered(name)]


def test_constructor_takes_functions_and_lists_of_them() -> None:
    hooks = Hooks(authentication=authentication, client_close=[first, second], mount_opened=first)
    assert _functions(hooks, "authentication") == [authentication]
    assert _functions(hooks, "client_close") == [first, second]
    assert _functions(hooks, "mount_opened") == [first]
    assert repr(hooks) == "Hooks(authentication, mount_opened, client_close)"
    assert hooks
    assert not Hooks()


def test_decorators_leave_the_function_as_it_is() -> None:
    hooks = Hooks()
    assert hooks.on("check_mount")(check_mount) is check_mount
    assert hooks.client_close(first) is first
    assert hooks.client_close(second) is second
    assert _functions(hooks, "check_mount") == [check_mount]
    assert _functions(hooks, "client_close") == [first, second]
    assert Hooks.client_close is Hooks.__dict__["client_close"]


def test_decorator_belongs_to_its_own_object() -> None:
    one, other = Hooks(), Hooks()
    one.check_mount(check_mount)
    assert not other.registered("check_mount")


class _Owner:
    def check_mount(self, request: HookRequest) -> bool:
        return True

    async def client_close(self, mount: object, session: object) -> None: ...

    def something_else(self) -> None: ...


def test_any_object_gives_its_methods() -> None:
    owner = _Owner()
    hooks = Hooks.from_object(owner)
    assert _functions(hooks, "check_mount") == [owner.check_mount]
    assert hooks.registered("client_close")[0].is_async
    assert repr(hooks) == "Hooks(check_mount, client_close)"


def test_mapping_none_and_hooks() -> None:
    hooks = Hooks.from_object({"check_mount": check_mount, "mount_opened": None})
    assert repr(hooks) == "Hooks(check_mount)"
    assert Hooks.from_object(hooks) is hooks
    assert not Hooks.from_object(None)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("checkmount", "did you mean check_mount?"), ("xyz", "hooks are authentication, ")],
)
def test_unknown_name_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"there is no hook {name}") as info:
        Hooks.from_object({name: None})
    assert hint in str(info.value)
    with pytest.raises(ValueError, match=f"there is no hook {name}"):
        Hooks().on(name)


def test_object_without_hooks_is_refused() -> None:
    with pytest.raises(TypeError, match="int has no hooks; hooks are authentication"):
        Hooks.from_object(7)


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="hook check_mount is str, not a function"):
        Hooks().add("check_mount", "yes")
    with pytest.raises(TypeError, match="hook mount_opened is int, not a function"):
        Hooks.from_object({"mount_opened": 7})


def test_a_question_takes_one_function() -> None:
    hooks = Hooks(check_mount=check_mount)
    with pytest.raises(ValueError, match="hook check_mount is registered already"):
        hooks.check_mount(check_mount)


class _Callable:
    async def __call__(self, mount: object, session: object) -> None: ...


async def _async_pair(extra: int, mount: object, session: object) -> None: ...


@pytest.mark.parametrize(
    ("function", "argument_count", "is_async"),
    [
        (first, 1, False),
        (second, 2, False),
        (everything, 2, False),
        (lambda: None, 0, False),
        (_Callable(), 2, True),
        (functools.partial(_async_pair, 1), 2, True),
        (functools.partial(second, session=1), 1, False),
        (dict.fromkeys, 2, False),
        (print, 2, False),
        (max, 2, False),
    ],
)
def test_arguments_taken_and_kind(function: Any, argument_count: int, is_async: bool) -> None:
    (hook,) = Hooks(client_close=function).registered("client_close")
    assert (hook.argument_count, hook.is_async) == (argument_count, is_async)


def _needs_three(mount: object, session: object, more: object) -> None: ...
def _needs_keyword(mount: object, *, more: object) -> None: ...


@pytest.mark.parametrize("function", [_needs_three, _needs_keyword])
def test_function_that_needs_more_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=r"is given \(mount, session\); the function needs \(mount"):
        Hooks(client_close=function)


def test_misplaced_names_hooks_that_a_side_never_calls() -> None:
    hooks = Hooks(check_mount=check_mount, client_close=first, publisher_started=first)
    assert hooks.misplaced(Side.PUBLISH) == ("client_close",)
    assert hooks.misplaced(Side.PLAY) == ("publisher_started",)
