"""URLs of the registry: what each means, and what none is."""

from __future__ import annotations

import pytest

from headwater.cluster.registry.server_url import ServerUrl, Shape

SINGLE, SENTINEL, CLUSTER = Shape.SINGLE, Shape.SENTINEL, Shape.CLUSTER
READ = [
    ("redis://h", ServerUrl(SINGLE, (("h", 6379),))),
    ("valkey://h:7000/3", ServerUrl(SINGLE, (("h", 7000),), database=3)),
    ("rediss://u:p%40w@h", ServerUrl(SINGLE, (("h", 6379),), "u", "p@w", tls=True)),
    ("redis://:pw@[::1]:7000", ServerUrl(SINGLE, (("::1", 7000),), "", "pw")),
    ("unix:///run/redis.sock", ServerUrl(SINGLE, socket_path="/run/redis.sock")),
    (
        "redis+sentinel://:pw@a,b:26000/main/1",
        ServerUrl(SENTINEL, (("a", 26379), ("b", 26000)), "", "pw", database=1, service="main"),
    ),
    ("rediss+cluster://a,b:7001", ServerUrl(CLUSTER, (("a", 6379), ("b", 7001)), tls=True)),
]
REFUSED = [
    "",
    "h:6379",
    "http://user:pa55@h",
    "redis://",
    "redis://h/x",
    "redis://h/0/1",
    "redis://a,b",
    "redis://h:port",
    "redis+ring://h",
    "redis+sentinel://h",
    "unix://",
]


@pytest.mark.parametrize(("url", "read"), READ)
def test_a_url_names_servers_and_how_to_speak_to_them(url: str, read: ServerUrl) -> None:
    assert ServerUrl.of(url) == read


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_url_of_a_registry_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a registry; write redis://") as error:
        ServerUrl.of(url)
    assert "pa55" not in str(error.value)


def test_a_password_is_not_shown() -> None:
    assert "pa55" not in repr(ServerUrl.of("redis://u:pa55@h"))
