import pytest

from headwater import ControlSettings


@pytest.mark.parametrize("path", ["auto", "", "/run/headwater/a.sock", "/" + "x" * 102])
def test_what_is_allowed(path: str) -> None:
    assert ControlSettings(status_socket=path).status_socket == path


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("status.sock", "a path from the root"),
        ("automatic", "a path from the root"),
        ("/a\0b", "a path from the root"),
        ("/" + "x" * 103, "104 bytes"),
        ("/" + "ä" * 52, "105 bytes"),
    ],
)
def test_what_is_not(path: str, cause: str) -> None:
    with pytest.raises(ValueError, match=cause) as refused:
        ControlSettings(status_socket=path)
    assert str(refused.value).startswith("status_socket is ")
