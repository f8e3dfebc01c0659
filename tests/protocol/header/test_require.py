import pytest

from headwater.protocol.header.require import unsupported_options


@pytest.mark.parametrize(
    ("values", "supported", "refused"),
    [
        ([], (), []),
        (["a, b"], ("a",), ["b"]),
        (["a", "www.onvif.org/ver20/backchannel"], (), ["a", "www.onvif.org/ver20/backchannel"]),
        ([" , "], (), []),
    ],
)
def test_unsupported_options(
    values: list[str], supported: tuple[str, ...], refused: list[str]
) -> None:
    assert unsupported_options(values, supported) == refused
