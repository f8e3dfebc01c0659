"""The tests that the page on security names are there."""

import re
from dataclasses import fields
from pathlib import Path

from headwater.config.schema import settings_schema
from headwater.relay.limit_settings import LimitSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
LIMITS = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
LIMITING_NAME = re.compile(
    r"^max_|_max_|_limit$|_per_(wake|address|s)$|_bytes(_total)?$|_prefix_bits$|_(timeout|deadline)_s$"
)
KERNEL_BUFFERS = {
    "sockets.udp_receive_buffer_bytes",
    "sockets.udp_send_buffer_bytes",
    "sockets.tcp_send_buffer_bytes",
}
"""Sizes that are asked of the kernel; they bound nothing that a peer could take."""


def test_every_test_that_the_page_names_is_there() -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    names = set(re.findall(r"`(test_\w+)`", PAGE))
    assert names
    assert {name for name in names if f"def {name}(" not in sources} == set()


def test_every_file_that_the_page_names_is_there() -> None:
    paths = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert paths
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def test_every_row_names_a_test() -> None:
    table = PAGE.partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if "tests/" not in row.rpartition(" | ")[2]] == []


def test_every_limit_by_key_is_named() -> None:
    unnamed = {each.name for each in fields(LimitSettings) if f"{each.name}`" not in PAGE}
    assert unnamed == set()


def test_the_page_on_limits_has_every_setting_that_bounds_a_peer() -> None:
    bounding = {
        f"{section.name}.{key.name}"
        for section in settings_schema().walk()
        for key in section.keys
        if LIMITING_NAME.search(key.name)
    }
    parts = re.findall(r"^## `\[(\w+)\]`\n(.*?)(?=^## |\Z)", LIMITS, re.MULTILINE | re.DOTALL)
    listed = {
        f"{name}.{key}"
        for name, part in parts
        for key in re.findall(r"^\| `(\w+)`", part, re.MULTILINE)
    }
    assert len(listed) > 50
    assert bounding - KERNEL_BUFFERS - listed == set()
