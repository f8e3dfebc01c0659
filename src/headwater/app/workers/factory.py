"""The program's function that makes a server: named by a text, since no server crosses processes.

Hooks are functions of the program, with whatever they hold: each worker has to make its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from importlib import import_module

from headwater.app.rtsp_server import RtspServer

Factory = Callable[[], RtspServer | Awaitable[RtspServer]]


def factory_of(name: str) -> Factory:
    """Return the function of a name such as `app:make_server`, and import its module for it.

    Raises ValueError for a text of another form, TypeError for what is no function, AttributeError
    where the module has none of this name, and whatever the import raises.
    """
    module, colon, function = name.partition(":")
    if not (module and colon and function.isidentifier()):
        raise ValueError(
            f"{name!r} names no function; it must be a module and a function, such as "
            "'app:make_server'"
        )
    factory = getattr(import_module(module), function)
    if not callable(factory):
        raise TypeError(f"{name} is a {type(factory).__name__}; it must be a function")
    made: Factory = factory
    return made


async def server_of(factory: Factory, name: str) -> RtspServer:
    """Return a server of this process. Raises TypeError for anything else that is made."""
    made = factory()
    server = await made if inspect.isawaitable(made) else made
    if not isinstance(server, RtspServer):
        raise TypeError(f"{name} returned a {type(server).__name__}; it must return an RtspServer")
    if server.running:
        raise TypeError(f"{name} returned a server that runs; it must return one to be started")
    return server
