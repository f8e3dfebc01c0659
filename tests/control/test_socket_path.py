"""Where a server puts its status socket, and where it is looked for."""

import os
import socket
import stat
from pathlib import Path

import pytest

from headwater.control.errors import StatusSocketError
from headwater.control.socket_path import automatic_path, existing_sockets, searched_folders


def as_user(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_the_runtime_folder_comes_first(folders: Path) -> None:
    path = automatic_path(8554)
    assert path == folders / "xdg" / "headwater" / "status-8554.sock"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_root_without_a_runtime_folder_uses_run(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    assert automatic_path(1, {}) == folders / "run" / "headwater" / "status-1.sock"
    gone = {"XDG_RUNTIME_DIR": str(folders / "gone")}
    assert automatic_path(1, gone) == folders / "run" / "headwater" / "status-1.sock"


def test_a_service_uses_the_folder_in_run_that_was_made_for_it(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folders / "run" / "headwater"
    made.mkdir(mode=0o755)
    as_user(monkeypatch, made.stat().st_uid)
    assert automatic_path(1, {}) == made / "status-1.sock"


def test_others_get_a_private_folder_among_the_temporary_files(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders / "tmp" / "headwater-12345").mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(folders / "tmp" / "headwater-12345", 12345, 12345)
        as_user(monkeypatch, 12345)
        assert automatic_path(2, {}) == folders / "tmp" / "headwater-12345" / "status-2.sock"
    else:
        monkeypatch.setattr("headwater.control.socket_path.RUN_FOLDER", folders / "gone")
        user = os.geteuid()
        assert automatic_path(2, {}) == folders / "tmp" / f"headwater-{user}" / "status-2.sock"


@pytest.mark.parametrize("trap", ["writable", "link", "file"])
def test_a_folder_that_is_not_ours_alone_is_passed_over(folders: Path, trap: str) -> None:
    mine = folders / "xdg" / "headwater"
    match trap:
        case "writable":
            mine.mkdir()
            mine.chmod(0o770)
        case "link":
            mine.symlink_to(folders / "tmp")
        case _:
            mine.touch()
    assert automatic_path(3).is_relative_to(folders)
    assert not automatic_path(3).is_relative_to(mine)


def test_without_any_folder_it_says_why(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = os.geteuid()
    (folders / "tmp" / f"headwater-{user}").touch()
    monkeypatch.setattr("headwater.control.socket_path.RUN_FOLDER", folders / "gone")
    with pytest.raises(StatusSocketError, match=f"headwater-{user}: is no folder"):
        automatic_path(4, {})


def test_what_servers_made_is_found_again(folders: Path) -> None:
    first, second = automatic_path(9000), automatic_path(554)
    for path in (first, second, first.with_name("status-x.sock"), first.with_name("other")):
        path.touch()
    assert list(existing_sockets()) == [(554, second), (9000, first)]
    assert first.parent in searched_folders()


def test_a_folder_of_somebody_else_is_not_believed(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = automatic_path(5)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    as_user(monkeypatch, path.stat().st_uid + 77)
    expected = [(5, path)] if path.parent.stat().st_uid == 0 else []
    assert list(existing_sockets()) == expected
