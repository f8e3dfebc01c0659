import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.parameters import auth_parameters, quoted, split_quoted, unquoted


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a,b", ["a", "b"]),
        ('a="x,y",b', ['a="x,y"', "b"]),
        ('"a,b","c,d"', ['"a,b"', '"c,d"']),
        (' a , ,b"', ["a", 'b""']),
        ('a="x,y', ['a="x,y"']),
        ("", []),
        (",,", []),
    ],
)
def test_split_quoted(value: str, parts: list[str]) -> None:
    assert split_quoted(value, ",") == parts


@pytest.mark.parametrize(
    ("value", "text"),
    [('"a"', "a"), ("a", "a"), (' "a b" ', "a b"), ('"', '"'), ('""', ""), (r'"a\"b"', 'a"b')],
)
def test_unquoted(value: str, text: str) -> None:
    assert unquoted(value) == text


@given(st.text())
def test_quoting_is_undone(text: str) -> None:
    assert unquoted(quoted(text)) == text
    assert auth_parameters(f"a={quoted(text)}, b=c", where="x") == {"a": text, "b": "c"}


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ('a="1", B=2', {"a": "1", "b": "2"}),
        ('a="1",b="2"', {"a": "1", "b": "2"}),
        ('a = "1" , b = 2 ,', {"a": "1", "b": "2"}),
        ('a="", b=', {"a": "", "b": ""}),
        (r'a="\"\\"', {"a": '"\\'}),
    ],
)
def test_auth_parameters(text: str, parameters: dict[str, str]) -> None:
    assert auth_parameters(text, where="x") == parameters


@pytest.mark.parametrize("text", ["a", 'a="1', "=1", 'a="1" b=2', "a=1,,b=2", "a=1, A=2"])
def test_auth_parameters_beyond_reading(text: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        auth_parameters(text, where="Authorization")
    assert caught.value.status == 400
    assert caught.value.where == "Authorization"
