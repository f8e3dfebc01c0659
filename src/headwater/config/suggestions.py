"""What the owner may have meant by a name that the configuration does not have."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from headwater.config.schema import SettingSection

_MEANT: Final[Mapping[str, str]] = {
    # Words that other servers have for it, among them the options of rtsp-streaming-server;
    # small letters alone.
    "port": "server.publish_port",
    "rtspport": "server.publish_port",
    "listenport": "server.publish_port",
    "serverport": "server.publish_port",
    "clientport": "server.play_port",
    "readport": "server.play_port",
    "address": "server.host",
    "bind": "server.host",
    "bindaddress": "server.host",
    "ip": "server.host",
    "listen": "server.host",
    "rtspaddress": "server.host",
    "cert": "tls.certificate",
    "certfile": "tls.certificate",
    "certificatefile": "tls.certificate",
    "servercert": "tls.certificate",
    "keyfile": "tls.key",
    "privatekey": "tls.key",
    "serverkey": "tls.key",
    "loglevel": "log.level",
    "logformat": "log.format",
    "transports": "rtp.play_transports",
    "user": "access.users.name",
    "username": "access.users.name",
    "pass": "access.users.password",
}
_MEANT_SECTION: Final[Mapping[str, str]] = {
    "auth": "access",
    "authentication": "access",
    "general": "server",
    "global": "server",
    "logging": "log",
    "main": "server",
    "network": "sockets",
    "rtsp": "server",
    "security": "access",
    "ssl": "tls",
    "users": "users",
}
_SOURCES: Final = frozenset({"source", "sources", "camera", "cameras", "streams"})
_HOW_TO_NAME_A_SOURCE: Final = (
    'a camera is the source of a path: [paths."NAME"] with source = "rtsp://CAMERA/…"'
)


def suggestion(name: str, section: SettingSection, schema: SettingSection) -> str:
    """Return what may stand where `name` does: the key that was meant, or all that there are."""
    if section.key(name) is not None:
        return f"{name} is a key, nothing stands below it"
    plain = _plain(name)
    if meant := _MEANT.get(plain):
        place, _, key = meant.rpartition(".")
        if place == section.name:
            return f"did you mean {key}?"
        if not section.path:
            return f"did you mean {key} under [{place}]?"
    below = [each.name for each in section.walk() if section.path and each.key(name)]
    homes = below or [each.name for each in _sections(schema) if each.key(name) is not None]
    if homes:
        return "it belongs under " + " or ".join(f"[{home}]" for home in homes)
    if _means_sources(plain, section):
        return _HOW_TO_NAME_A_SOURCE
    close = _close_matches(name, section.names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    where = f"[{section.name}]" if section.name else "the file"
    return f"{where} may have: {', '.join(section.names)}"


def section_suggestion(name: str, section: SettingSection, schema: SettingSection) -> str:
    """Return which section may stand where `name` does: the nearest one, or all that there are."""
    plain = _plain(name)
    if _means_sources(plain, section):
        return _HOW_TO_NAME_A_SOURCE
    headings = {
        each.path[-1]: f"[{each.name}]" if each.each is None else f'[{each.name}."…"]'
        for each in _sections(schema)
    }
    for each in schema.walk():
        headings |= {table.path[-1]: f"[[{table.name}]]" for table in each.tables}
    headings |= {each.path[-1]: f"[{each.name}]" for each in section.sections if section.path}
    if meant := _MEANT_SECTION.get(plain):
        return f"did you mean {headings[meant]}?"
    homes = [each.name for each in _sections(schema) if each.key(name) is not None]
    if homes:
        return f"{name} is a key of " + " and of ".join(f"[{home}]" for home in homes)
    here = [below for below in section.names if below in headings]
    close = _close_matches(name.lower(), here, n=1, cutoff=0.6)
    close = close or _close_matches(name.lower(), headings, n=1, cutoff=0.7)
    if close:
        return f"did you mean {headings[close[0]]}?"
    if section.path:
        return f"[{section.name}] may have: {', '.join(section.names)}"
    return f"the file may have: {', '.join(headings.values())}"


def meant_key(name: str, schema: SettingSection) -> str | None:
    """Return the dotted key that a name without a section means; None where that is not plain."""
    if name in _MEANT:
        return _MEANT[name]
    for section in _sections(schema):
        own = name.removeprefix("_".join(section.path) + "_")
        if section.key(name) is not None or (own != name and section.key(own) is not None):
            return f"{section.name}.{own}"
        if own != name and (meant := _MEANT.get(_plain(own), "")).startswith(f"{section.name}."):
            return meant
    return _MEANT.get(_plain(name))


def _means_sources(plain: str, section: SettingSection) -> bool:
    return plain in _SOURCES and section.path[:1] in {(), ("paths",)}


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _sections(schema: SettingSection) -> Iterator[SettingSection]:
    for section in schema.walk():
        if section.path:
            yield section


def _close_matches(word: str, possibilities: Iterable[str], *, n: int, cutoff: float) -> list[str]:
    import difflib  # for a message alone

    return difflib.get_close_matches(word, possibilities, n, cutoff)
