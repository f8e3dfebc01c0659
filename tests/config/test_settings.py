"""The composite settings: one section a room, standard library only, every key read."""

import re
import subprocess
import sys
from pathlib import Path

import headwater.config.settings
from headwater.config.schema import settings_schema

SOURCE = Path(headwater.config.settings.__file__).parents[1]


def test_every_key_has_a_text() -> None:
    silent = [
        f"{section.name}.{key.name}"
        for section in settings_schema().walk()
        for part in (section, *section.tables)
        for key in part.keys
        if not key.doc
    ]
    assert silent == []


def test_every_section_has_a_text() -> None:
    sections = [part for top in settings_schema().sections for part in (*top.walk(), *top.tables)]
    assert [section.name for section in sections if not section.doc] == []


def test_every_key_is_read_somewhere() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("*.py")
        if path.name != "settings.py"
    )
    own_methods = "\n".join(
        # A settings class may be asked through a method of its own (`settings.wire_limits()`).
        path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("settings.py")
    )
    unread = [
        f"{section.name}.{key.name}"
        for section in settings_schema().walk()
        for key in section.keys
        if not re.search(rf"\.{key.name}\b", code)
        and not re.search(rf"=self\.{key.name}\b|[(\[ ]self\.{key.name}[)\]]", own_methods)
    ]
    assert unread == []


def test_every_public_name_but_of_frames_loads_the_standard_library_only() -> None:
    program = (
        "import sys; import headwater; homes = headwater._HOMES; "
        "[getattr(headwater, name) for name in headwater.__all__"
        " if not homes.get(name, '').startswith('headwater.libav.')]; "
        "print(sorted({m.partition('.')[0] for m in sys.modules}"
        " - set(sys.stdlib_module_names) - {'headwater', '__main__'}))"
    )
    before = _printed(
        "import sys; print(sorted({m.partition('.')[0] for m in sys.modules}"
        " - set(sys.stdlib_module_names) - {'__main__'}))"
    )
    assert _printed(program) == before


def _printed(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
