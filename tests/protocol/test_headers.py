import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import Fault, ProtocolError
from headwater.protocol.headers import Headers

names = st.from_regex(r"[A-Za-z][A-Za-z0-9\-]{0,20}", fullmatch=True)
values = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, range(32)))).filter(
        lambda character: character != "\x7f"
    ),
    max_size=30,
).map(lambda text: text.strip(" \t"))


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        pytest.param(b"CSeq: 1\r\n", [("CSeq", "1")], id="plain"),
        pytest.param(b"CSeq:1\r\n", [("CSeq", "1")], id="no blank"),
        pytest.param(b"cSEQ:   \t 1  \r\n", [("cSEQ", "1")], id="many blanks, any case"),
        pytest.param(b"CSeq : 1\r\n", [("CSeq", "1")], id="blank before the colon"),
        pytest.param(b"A: 1\nB: 2\n", [("A", "1"), ("B", "2")], id="LF alone"),
        pytest.param(b"A: 1\r\n  2\r\n\t3\r\n", [("A", "1 2 3")], id="continued"),
        pytest.param(b"A:\r\n", [("A", "")], id="empty value"),
        pytest.param(b"A:\r\n x\r\n", [("A", "x")], id="value on the next line"),
        pytest.param(b"A: b: c\r\n", [("A", "b: c")], id="colon in the value"),
        pytest.param(b"A: 1\r\na: 2\r\n", [("A", "1"), ("a", "2")], id="repeated"),
        pytest.param("A: é\r\n".encode(), [("A", "é")], id="UTF-8"),
        pytest.param(b"A: \xe9\r\n", [("A", "é")], id="Latin-1"),
        pytest.param(b"", [], id="none"),
        pytest.param(b"\r\n", [], id="the empty line"),
    ],
)
def test_parse(block: bytes, fields: list[tuple[str, str]]) -> None:
    assert Headers.parse(block).items() == fields


@pytest.mark.parametrize(
    ("block", "offset", "message"),
    [
        (b"A: 1\r\nno colon\r\n", 106, "colon"),
        (b"A: 1\r\n: x\r\n", 106, "name"),
        (b"A b: x\r\n", 100, "name"),
        (b"\xe9: x\r\n", 100, "name"),
        (b" x\r\n", 100, "continuation"),
        (b"A: 1\r\nB: \x00\r\n", 109, "0x00"),
        (b"A: 1\rB: 2\r\n", 104, "0x0d"),
        (b"A: \x7f\r\n", 103, "0x7f"),
        (b"A: 1\nB: 2\nC: 3\n", 110, "more than 2"),
    ],
)
def test_a_malformed_line_is_named_by_its_position(block: bytes, offset: int, message: str) -> None:
    with pytest.raises(ProtocolError, match=message) as caught:
        Headers.parse(block, offset=100, max_count=2)

    assert caught.value.offset == offset
    assert caught.value.status == 400
    assert caught.value.where == "header line"


def test_names_compare_in_any_case_and_keep_their_order() -> None:
    headers = Headers([("B", "1"), ("a", "2"), ("A", "3")])

    assert headers.get("b") == "1"
    assert headers.get("C") is None
    assert headers.get("C", "x") == "x"
    assert headers.get_all("A") == ["2", "3"]
    assert "a" in headers
    assert "c" not in headers
    assert 7 not in headers
    assert list(headers) == [("B", "1"), ("a", "2"), ("A", "3")]
    assert len(headers) == 3


def test_set_takes_the_place_of_the_first_and_drops_the_others() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])

    headers.set("A", "9")
    headers.set("C", "4")

    assert headers.items() == [("A", "9"), ("B", "2"), ("C", "4")]


def test_remove_drops_all_of_a_name() -> None:
    headers = Headers([("A", "1"), ("B", "2"), ("a", "3")])

    headers.remove("a")
    headers.remove("never there")

    assert headers.items() == [("B", "2")]


@pytest.mark.parametrize(
    ("values", "joined"), [([], ""), ([""], ""), (["a"], "a"), (["a, b", "", "c"], "a, b, c")]
)
def test_several_fields_of_a_name_are_one_list(values: list[str], joined: str) -> None:
    assert Headers([("Accept", value) for value in values]).get_list("ACCEPT") == joined


def test_a_copy_is_independent() -> None:
    headers = Headers([("A", "1")])
    copy = headers.copy()

    copy.add("B", "2")

    assert headers.items() == [("A", "1")]
    assert copy != headers


@pytest.mark.parametrize("value", ["a\r\nInjected: 1", "a\nb", "a\rb", "\x00", "\x1b", "\ud800"])
def test_a_value_cannot_smuggle_lines(value: str) -> None:
    headers = Headers()
    with pytest.raises(ProtocolError) as caught:
        headers.add("A", value)
    assert caught.value.fault is Fault.LOCAL
    assert caught.value.status == 500
    with pytest.raises(ProtocolError):
        headers.set("A", value)
    assert len(headers) == 0


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\r\n"])
def test_a_name_is_a_token(name: str) -> None:
    with pytest.raises(ProtocolError):
        Headers([(name, "1")])


def test_equality_ignores_the_case_of_names_only() -> None:
    assert Headers([("A", "x")]) == Headers([("a", "x")])
    assert Headers([("A", "x")]) != Headers([("A", "X")])
    assert Headers() != []


def test_repr_hides_credentials() -> None:
    shown = repr(Headers([("Authorization", "Basic c2VjcmV0"), ("CSeq", "1")]))

    assert "c2VjcmV0" not in shown
    assert "CSeq" in shown


@given(st.lists(st.tuples(names, values), max_size=20))
def test_what_is_written_reads_the_same(fields: list[tuple[str, str]]) -> None:
    headers = Headers(fields)

    assert Headers.parse(headers.to_bytes()).items() == headers.items()


@given(st.binary(max_size=200))
def test_any_block_gives_headers_or_a_protocol_error(block: bytes) -> None:
    try:
        headers = Headers.parse(block)
    except ProtocolError as error:
        offset = error.offset
    else:
        offset = 0
        assert Headers.parse(headers.to_bytes()) == headers
    assert offset is not None
    assert 0 <= offset <= len(block)
