import pytest

from headwater.protocol.foothold import Foothold, find_foothold
from headwater.protocol.interleaved import frame_interleaved

FRAME = frame_interleaved(2, [b"\x80" + bytes(11)])
OPTIONS = b"OPTIONS * RTSP/1.0"


@pytest.mark.parametrize(
    ("buffer", "found"),
    [
        pytest.param(b"xxOPTIONS *", Foothold(2, 0), id="method"),
        pytest.param(b"xxRTSP/1.0 200", Foothold(2, 0), id="answer"),
        pytest.param(b"xx" + FRAME + b"$", Foothold(2, 0), id="frame before frame"),
        pytest.param(b"xx" + FRAME + b"\r\nPLAY ", Foothold(20, 0), id="frame before blank"),
        pytest.param(b"xx" + FRAME + OPTIONS, Foothold(2, 0), id="frame before message"),
        pytest.param(b"xx" + FRAME + b"OPT", Foothold(2, 30), id="frame before cut message"),
        pytest.param(
            b"xx" + FRAME + b"OPTICS are none. PLAY ", Foothold(35, 0), id="frame before words"
        ),
        pytest.param(b"xx" + FRAME, Foothold(2, len(FRAME) + 1), id="frame at the end"),
        pytest.param(b"xx" + FRAME[:10], Foothold(2, len(FRAME) + 1), id="cut frame"),
        pytest.param(b"xx$\x02", Foothold(2, 5), id="cut frame header"),
        pytest.param(b"xx" + FRAME + b"xPLAY ", Foothold(19, 0), id="frame before garbage"),
        pytest.param(b"x$\x03" + FRAME[2:] + b"PLAY ", Foothold(17, 0), id="unknown channel"),
        pytest.param(b"$\x02\x00\x07\x80123456PLAY ", Foothold(11, 0), id="too short for RTCP"),
        pytest.param(b"$\x02\x00\x08\x0012345678PLAY ", Foothold(13, 0), id="version 0"),
        pytest.param(b"xxxxxxxxxxxxxxxxxxGET_PARAMETER", Foothold(18, 14), id="cut method"),
        pytest.param(b"xxR", Foothold(2, 2), id="one letter of an answer"),
        pytest.param(b"xxRTSP/2.0 200 O", Foothold(15, 2), id="another version"),
        pytest.param(b"xx", Foothold(2, 1), id="garbage alone"),
        pytest.param(b"", Foothold(0, 1), id="nothing"),
    ],
)
def test_find_foothold(buffer: bytes, found: Foothold) -> None:
    assert find_foothold(buffer, 0, {2}) == found


def test_the_search_begins_at_the_position() -> None:
    assert find_foothold(b"PLAY PLAY ", 1, ()).at == 5
