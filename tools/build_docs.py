"""Write the generated parts of the documentation, then check all of it.

Generated: the tables of keys in `docs/configuration.md` and `docs/limits.md`, of faults and quirks
in `docs/testing.md`. Checked: that links
lead somewhere, that Python snippets compile and import what exists, and that TOML snippets are good
configurations. That all snippets run, or why not, is for tests/examples/test_snippets.py.
`--check` writes nothing and fails where a generated part is not what it should be.
"""

import ast
import importlib
import inspect
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from headwater.config.errors import ConfigError
from headwater.config.file import load_settings
from headwater.config.schema import SettingKey, SettingSection, allowed_values, settings_schema
from headwater.config.toml_text import toml_value
from headwater.testing.fake_camera import faults
from headwater.testing.fake_camera.quirks import QUIRKS

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
LIMITS = ROOT / "docs" / "limits.md"
TESTING = ROOT / "docs" / "testing.md"
BEGIN = "<!-- generated from the source by `make docs` -->\n"
END = "<!-- end of the generated part -->\n"

UNITS = (
    ("bits_per_s", "bits a second"),
    ("_per_s", "a second"),
    ("_s", "seconds"),
    ("_bytes", "bytes"),
    ("_bytes_total", "bytes"),
)
# The keys of each section that are limits; an empty tuple stands for all of them.
LIMITING: dict[str, tuple[str, ...]] = {
    "limits": (),
    "sessions": (),
    "mounts": (
        "max_readers",
        "gop_cache_max_bytes",
        "gop_cache_max_s",
        "publisher_idle_timeout_s",
        "slow_reader_max_bytes",
        "slow_reader_max_age_s",
        "slow_reader_disconnect_s",
        "catch_up_burst_bytes",
        "catch_up_max_bytes",
        "catch_up_max_s",
    ),
    "rtp": ("rtp_port_count", "rtp_pairs_per_address"),
    "sockets": (
        "udp_pending_bytes",
        "udp_pending_age_s",
        "tcp_unsent_bytes",
        "udp_packets_per_wake",
        "read_bytes",
        "reads_per_wake",
        "close_deadline_s",
        "descriptor_limit",
    ),
    "tls": ("handshake_deadline_s",),
    "access": (
        "brake_window_s",
        "address_failure_limit",
        "brake_ipv6_prefix_bits",
        "address_pause_s",
        "user_failure_limit",
        "user_delay_s",
    ),
    "hooks": (),
    "webrtc": ("publish_bits_per_s",),
}

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Write, then check; the exit code is 1 when something is wrong."""
    wrong = []
    generated = ((CONFIGURATION, key_tables), (LIMITS, limit_tables), (TESTING, fault_tables))
    for page, tables in generated:
        found = page.read_text(encoding="utf-8")
        wanted = with_generated_part(found, tables())
        if "--check" not in arguments:
            page.write_text(wanted, encoding="utf-8")
        elif found != wanted:
            wrong.append(f"{page.relative_to(ROOT)}: not up to date; run `make docs`")
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        found = (*broken_links(page, text), *wrong_snippets(text))
        wrong += [f"{page.relative_to(ROOT)}: {fault}" for fault in found]
    for fault in wrong:
        sys.stdout.write(f"{fault}\n")
    if not wrong:
        sys.stdout.write(f"{len(pages)} pages are good\n")
    return int(bool(wrong))


def with_generated_part(text: str, tables: Iterator[str]) -> str:
    """The page with its tables as the settings have them now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(tables) + "\n" + END + after


def key_tables() -> Iterator[str]:
    """One heading and table for each section, and for each array of tables."""
    schema = settings_schema()
    for top in schema.sections:
        for section in top.walk():
            if section.each is not None:
                # A name stands for one of the owner's choice.
                for each in section.each.walk():
                    below = "".join(f".{part}" for part in each.path[len(section.each.path) :])
                    yield from key_table(each, f'[{section.name}."cam/*"{below}]')
                continue
            yield from key_table(section, f"[{section.name}]")
            for table in section.tables:
                yield from key_table(table, f"[[{table.name}]]")
    for table in schema.tables:
        yield from key_table(table, f"[[{table.name}]]")


def key_table(section: SettingSection, title: str) -> Iterator[str]:
    """The keys of one section, their defaults and meanings."""
    yield f"### `{title}`\n"
    yield f"{' '.join(section.doc.split())}\n"
    yield "| key | default | a change applies | meaning |"
    yield "|---|---|---|---|"
    repeated = [key for key in section.keys if key.doc.startswith("As in ")]
    for key in section.keys:
        if key not in repeated:
            yield f"| `{key.name}` | {default_text(key)} | {applies_text(key)} | {meaning(key)} |"
    if repeated:
        names = ", ".join(f"`{key.name}`" for key in repeated)
        yield f"| {names} | not set | {repeated[0].doc} | {repeated[0].doc} |"
    yield ""


def limit_tables() -> Iterator[str]:
    """One table for each section that bounds something, with the unit of each bound."""
    sections = {section.name: section for section in settings_schema().sections}
    for name, chosen in LIMITING.items():
        yield f"## `[{name}]`\n"
        yield "| setting | default | unit | what a peer gets |"
        yield "|---|---|---|---|"
        for key in sections[name].keys:
            if not chosen or key.name in chosen:
                yield f"| `{key.name}` | {default_text(key)} | {unit(key)} | {meaning(key)} |"
        yield ""


def fault_tables() -> Iterator[str]:
    """What the fake camera can do wrong: one table of faults, one of the quirks of real cameras."""
    yield "### Faults\n"
    yield "| fault | what the camera does |"
    yield "|---|---|"
    for name in faults.__all__:
        made = getattr(faults, name)
        does = (made.__doc__ or "").partition("\n")[0]
        yield f"| `{name}{parameters(made)}` | {does} |"
    yield "\n### Quirks of real cameras\n"
    yield "| name | seen with | what the camera does |"
    yield "|---|---|---|"
    for quirk in QUIRKS.values():
        yield f"| `{quirk.name}` | {quirk.device} | {quirk.does} |"
    yield ""


def parameters(made: Callable[..., object]) -> str:
    """The names of the parameters, as one writes them down; those in brackets may be left out."""
    shown = [
        name if each.default is each.empty else f"[{name}]"
        for name, each in inspect.signature(made).parameters.items()
    ]
    return f"({', '.join(shown)})"


def unit(key: SettingKey) -> str:
    """The unit that the name of a key ends in; without one it is a count."""
    return next((word for ending, word in UNITS if key.name.endswith(ending)), "how many")


def default_text(key: SettingKey) -> str:
    """The default as the file writes it."""
    if key.required:
        return "must be given"
    return "not set" if key.default is None else f"`{toml_value(key.default)}`"


def applies_text(key: SettingKey) -> str:
    """When a running server takes a change of the key."""
    if key.applies is None:
        raise ValueError(f"{key.name} does not say when a change applies; see headwater.applies")
    return key.applies.when.value


def meaning(key: SettingKey) -> str:
    """The key's text, and what it accepts where the default does not show that."""
    allowed = allowed_values(key)
    text = key.doc.replace("|", "\\|")
    if key.applies is not None and key.applies.reason:
        text += f" A change needs a restart: {key.applies.reason}."
    if "one of" not in allowed:
        return text
    return f"{text} {allowed[0].upper()}{allowed[1:]}."


def broken_links(page: Path, text: str) -> Iterator[str]:
    """Links to files or headings that are not there; other sites are not asked."""
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        if not path.exists():
            yield f"link to {target}, which is not there"
        elif anchor and anchor not in anchors(path.read_text(encoding="utf-8")):
            yield f"link to {target}: no such heading"


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings get."""
    names = HEADING.findall(FENCE.sub("", text))
    return {re.sub(r"[^\w\- ]", "", name).strip().lower().replace(" ", "-") for name in names}


def wrong_snippets(text: str) -> Iterator[str]:
    """Snippets that do not compile, import what is not there, or are refused as configuration."""
    for language, code in FENCE.findall(text):
        if language == "python":
            yield from wrong_python(code)
        elif language == "toml" and "…" not in code:  # what is abridged cannot be loaded
            yield from wrong_toml(code)


def wrong_python(code: str) -> Iterator[str]:
    """What is wrong with a Python snippet."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        yield f"Python snippet: {error}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("headwater"):
            module = importlib.import_module(node.module or "")
            for name in node.names:
                if not hasattr(module, name.name):
                    yield f"Python snippet: {node.module} has no {name.name}"


def wrong_toml(code: str) -> Iterator[str]:
    """What the server would say about a TOML snippet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "snippet.toml"
        path.write_text(code, encoding="utf-8")
        try:
            load_settings(path)
        except ConfigError as error:
            yield f"TOML snippet: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
