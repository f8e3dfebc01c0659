"""Settings from the environment."""

from __future__ import annotations

from fuzz.target import Target, fields, text_of
from fuzz.targets.config_cache import keep_schemas
from headwater.config.errors import ConfigError
from headwater.config.file import Assignment, load_settings

keep_schemas()


def run(data: bytes) -> None:
    name, text, key, value = map(text_of, fields(data, 4))
    environment = {f"HEADWATER_{name}": text} if name else {}
    assignments = [Assignment("--set", key, value)] if key else []
    try:
        load_settings(environment=environment, assignments=assignments)
    except ConfigError as error:
        assert error.faults
        for fault in error.faults:
            str(fault).encode("utf-8", "replace")


TARGET = Target(
    invariant="any variable and any option is a setting or a ConfigError",
    run=run,
    words=(
        b"\0",
        b"SERVER__PUBLISH_PORT",
        b"server.publish_port",
        b"MOUNT_OVERRIDES",
        b"ACCESS__USERS",
        b"access.users",
        b'[{name="a",password="b"}]',
        b"rtp.play_transports",
        b"udp,tcp",
        b"mounts.grace_s",
        b"log.level",
        b"__",
        b".",
        b"true",
        b"10",
        b"nan",
        b"1e999",
    ),
    max_bytes=200,
)
