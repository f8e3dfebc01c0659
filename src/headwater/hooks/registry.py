"""The owner's functions, registered by constructor, decorator, mapping or object."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, KeysView, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from headwater.hooks.answers import Redirect
from headwater.hooks.request import HookRequest
from headwater.hooks.table import HOOK_BY_NAME, HOOKS, HookPoint
from headwater.side import Side

# Mounts and sessions are Any: a function may annotate them with the server's own classes, which
# this room does not know. The shorter forms are for functions that leave out last arguments.
AuthenticationHook = (
    Callable[[str, str, HookRequest], bool | Awaitable[bool]]
    | Callable[[str, str], bool | Awaitable[bool]]
)
MountAnswer = bool | int | str | Redirect
CheckMountHook = Callable[[HookRequest], MountAnswer | Awaitable[MountAnswer]]
MountHook = Callable[[Any], object] | Callable[[], object]
MountMissingHook = (
    Callable[[str, str, HookRequest], Any] | Callable[[str, str], Any] | Callable[[str], Any]
)
SourceHook = Callable[[Any], object] | Callable[[], object]
SessionHook = Callable[[Any], object] | Callable[[], object]
MountSessionHook = Callable[[Any, Any], object] | MountHook

HookFunction = Callable[..., Any]
FunctionT = TypeVar("FunctionT", bound=HookFunction)
HookT = TypeVar("HookT")


@dataclass(frozen=True, slots=True)
class RegisteredHook:
    """One function at one hook point, and how it is called."""

    point: HookPoint
    function: HookFunction
    argument_count: int
    is_async: bool


class HookDecorator(Generic[HookT]):
    """`@hooks.check_mount`: registers the function below it and leaves it as it is."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, hooks: None, owner: type) -> HookDecorator[HookT]: ...
    @overload
    def __get__(self, hooks: Hooks, owner: type) -> Callable[[HookT], HookT]: ...
    def __get__(
        self, hooks: Hooks | None, owner: type
    ) -> HookDecorator[HookT] | Callable[[HookT], HookT]:
        if hooks is None:
            return self

        def register(function: HookT) -> HookT:
            hooks.add(self._name, function)
            return function

        return register


class Hooks:
    """The hooks of one side, or of both when given to both.

    Functions may be async or plain. `authentication`, `check_mount` and `on_mount_missing` take one
    function each; the others take any number, called in the order of registration. A function may
    leave out last arguments: `client_close(mount)` is as good as `client_close(mount, session)`.

    Raises TypeError for what is no function or needs more arguments than the hook has, and
    ValueError for a second `authentication`, `check_mount` or `on_mount_missing`.
    """

    authentication = HookDecorator[AuthenticationHook]()
    check_mount = HookDecorator[CheckMountHook]()
    on_mount_missing = HookDecorator[MountMissingHook]()
    session_opened = HookDecorator[SessionHook]()
    session_closed = HookDecorator[SessionHook]()
    mount_opened = HookDecorator[MountHook]()
    mount_closed = HookDecorator[MountHook]()
    mount_now_empty = HookDecorator[MountHook]()
    publisher_started = HookDecorator[MountSessionHook]()
    publisher_stopped = HookDecorator[MountSessionHook]()
    source_changed = HookDecorator[SourceHook]()
    reader_started = HookDecorator[MountSessionHook]()
    reader_stopped = HookDecorator[MountSessionHook]()
    client_close = HookDecorator[MountSessionHook]()

    def __init__(
        self,
        *,
        authentication: AuthenticationHook | None = None,
        check_mount: CheckMountHook | None = None,
        on_mount_missing: MountMissingHook | None = None,
        session_opened: SessionHook | Iterable[SessionHook] | None = None,
        session_closed: SessionHook | Iterable[SessionHook] | None = None,
        mount_opened: MountHook | Iterable[MountHook] | None = None,
        mount_closed: MountHook | Iterable[MountHook] | None = None,
        mount_now_empty: MountHook | Iterable[MountHook] | None = None,
        publisher_started: MountSessionHook | Iterable[MountSessionHook] | None = None,
        publisher_stopped: MountSessionHook | Iterable[MountSessionHook] | None = None,
        source_changed: SourceHook | Iterable[SourceHook] | None = None,
        reader_started: MountSessionHook | Iterable[MountSessionHook] | None = None,
        reader_stopped: MountSessionHook | Iterable[MountSessionHook] | None = None,
        client_close: MountSessionHook | Iterable[MountSessionHook] | None = None,
    ) -> None:
        self._by_name: dict[str, list[RegisteredHook]] = {}
        self.names: KeysView[str] = self._by_name.keys()
        """The hooks that have a function; it follows what is added."""
        given = locals()
        for point in HOOKS:
            self._add_all(point.name, given[point.name])

    @classmethod
    def from_object(cls, source: object) -> Hooks:
        """Hooks from whatever the owner has: None, Hooks, a mapping by name, or any object.

        Of an object, the attributes named like hooks are taken. Raises ValueError for a name in a
        mapping that is no hook, TypeError for an object without any.
        """
        if source is None:
            return cls()
        if isinstance(source, Hooks):
            return source
        if isinstance(source, Mapping):
            named: dict[str, object] = {str(name): value for name, value in source.items()}
        else:
            named = {p.name: getattr(source, p.name) for p in HOOKS if hasattr(source, p.name)}
            if not named:
                raise TypeError(
                    f"{type(source).__name__} has no hooks; hooks are {', '.join(HOOK_BY_NAME)}"
                )
        hooks = cls()
        for name, value in named.items():
            hooks._add_all(name, value)
        return hooks

    def on(self, name: str) -> Callable[[FunctionT], FunctionT]:
        """Decorator that registers a function by the hook's name: `@hooks.on("check_mount")`.

        Raises ValueError for a name that is no hook.
        """
        point = _point(name)

        def register(function: FunctionT) -> FunctionT:
            self.add(point.name, function)
            return function

        return register

    def add(self, name: str, function: object) -> None:
        """Register one function. Raises ValueError for a name that is no hook."""
        point = _point(name)
        if not callable(function):
            raise TypeError(f"hook {name} is {type(function).__name__}, not a function")
        known = self._by_name.get(name, [])
        if known and point.may_refuse:
            raise ValueError(f"hook {name} is registered already; it takes one function")
        hook = RegisteredHook(
            point, function, _argument_count(point, function), _is_async(function)
        )
        self._by_name[name] = [*known, hook]

    def registered(self, name: str) -> tuple[RegisteredHook, ...]:
        """Return the functions registered for a hook, in order."""
        return tuple(self._by_name.get(name, ()))

    def misplaced(self, side: Side) -> tuple[str, ...]:
        """Names of registered hooks that this side never calls."""
        return tuple(name for name in self._by_name if side not in HOOK_BY_NAME[name].sides)

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def __repr__(self) -> str:
        return f"Hooks({', '.join(self._by_name)})"

    def _add_all(self, name: str, value: object) -> None:
        if value is None:
            _point(name)
            return
        functions = value if isinstance(value, Iterable) and not callable(value) else (value,)
        for function in functions:
            self.add(name, function)


def _point(name: str) -> HookPoint:
    point = HOOK_BY_NAME.get(name)
    if point is None:
        import difflib  # for this message alone

        close = difflib.get_close_matches(name, HOOK_BY_NAME, n=1)
        meant = f"did you mean {close[0]}?" if close else f"hooks are {', '.join(HOOK_BY_NAME)}"
        raise ValueError(f"there is no hook {name}; {meant}")
    return point


def _argument_count(point: HookPoint, function: HookFunction) -> int:
    """Return how many of the payload's arguments the function takes."""
    offered = len(point.payload)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C, without a signature
        return offered
    positional = [p for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    takes = offered if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(positional)
    needed = [p.name for p in positional if p.default is p.empty]
    needed += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(needed) > offered or any(
        p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters
    ):
        raise TypeError(
            f"hook {point.name} is given ({', '.join(point.payload)}); "
            f"the function needs ({', '.join(needed)})"
        )
    return min(takes, offered)


def _is_async(function: HookFunction) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - the method itself is wanted
    )
