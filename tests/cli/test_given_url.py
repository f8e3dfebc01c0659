"""A URL on the command line, or in a file that is named there."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.cli.failures import EXIT_CONFIGURATION, CommandFailed
from headwater.cli.given_url import given_url

URL = "rtsp://ann:secret@camera/live"


def test_a_url_is_itself_or_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{URL}\nmore\n")
    assert given_url(URL) == URL
    assert given_url(f"@{file}") == URL


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("", "the first line")])
def test_a_file_without_one_is_named(tmp_path: Path, content: str | None, why: str) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandFailed, match=rf"url: {why}") as failed:
        given_url(f"@{file}")
    assert failed.value.exit_code == EXIT_CONFIGURATION
