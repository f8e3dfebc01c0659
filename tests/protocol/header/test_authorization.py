import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authorization import (
    BasicCredentials,
    Credentials,
    DigestCredentials,
    OtherCredentials,
    format_authorization,
    parse_authorization,
)


def basic(pair: bytes) -> str:
    return f"Basic {base64.b64encode(pair).decode()}"


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        ("Basic bXl1c2VyOm15cGFzcw==", BasicCredentials("myuser", "mypass")),
        ("basic   bXl1c2VyOm15cGFzcw", BasicCredentials("myuser", "mypass")),
        (basic(b"u:a:b"), BasicCredentials("u", "a:b")),
        (basic(b"u:"), BasicCredentials("u", "")),
        (basic(b"u"), BasicCredentials("u", "")),
        (basic(b":p"), BasicCredentials("", "p")),
        (basic("ü:ß".encode()), BasicCredentials("ü", "ß")),
        (basic("ü:ß".encode("latin-1")), BasicCredentials("ü", "ß")),
        (
            'Digest username="", realm="IPCAM", nonce="n", uri="rtsp://h/p", response="r"',
            DigestCredentials("", "IPCAM", "n", "rtsp://h/p", "r"),
        ),
        (
            'Digest nc=1,response=r,uri=/,nonce=n,realm=x,username=u,qop="auth",cnonce=c,opaque=o',
            DigestCredentials("u", "x", "n", "/", "r", None, "c", "1", "auth", "o"),
        ),
        ("Bearer abc.def", OtherCredentials("Bearer", "abc.def")),
        ("Negotiate", OtherCredentials("Negotiate", "")),
    ],
)
def test_parse_authorization(value: str, credentials: Credentials) -> None:
    assert parse_authorization(value) == credentials


def test_basic_credentials_broken_by_androids_base64_are_read() -> None:
    token = base64.encodebytes(b"user:" + b"p" * 100).decode()
    assert "\n" in token.strip()
    # The header's parser makes a blank of each line break.
    value = f"Basic {token}".replace("\n", " ")
    assert parse_authorization(value) == BasicCredentials("user", "p" * 100)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic !!!!",
        "Basic a",
        "Basic é",
        "Digest",
        'Digest username="u"',
        'Digest username="u", nonce="n", uri="u", response="s3cret',
        'Digest username="u", username="v", nonce="n", uri="u", response="r"',
    ],
)
def test_malformed_is_400_and_tells_nothing(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_authorization(value)
    assert (caught.value.status, caught.value.where) == (400, "Authorization")
    assert "s3cret" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    for credentials in (
        BasicCredentials("u", "s3cret"),
        DigestCredentials("u", "r", "n", "/", "s3cret"),
        OtherCredentials("Bearer", "s3cret"),
    ):
        assert "s3cret" not in repr(credentials)


def test_what_rfc_7616_quotes_is_quoted() -> None:
    credentials = DigestCredentials(
        "u", "r", "n", "/", "x", algorithm="MD5", cnonce="c", nc="00000001", qop="auth"
    )

    assert format_authorization(credentials) == (
        'Digest username="u", realm="r", nonce="n", uri="/", response="x", '
        'algorithm=MD5, qop=auth, nc=00000001, cnonce="c"'
    )


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
words = st.none() | st.from_regex(r"[A-Za-z0-9\-]{1,8}", fullmatch=True)


@given(
    st.builds(BasicCredentials, texts.map(lambda text: text.replace(":", "")), texts)
    | st.builds(
        DigestCredentials,
        texts,
        texts,
        texts,
        texts,
        texts,
        words,
        st.none() | texts,
        words,
        words,
        st.none() | texts,
    )
    | st.builds(OtherCredentials, st.just("Bearer"), st.from_regex("[a-z]{0,9}", fullmatch=True))
)
def test_what_is_written_reads_the_same(credentials: Credentials) -> None:
    assert parse_authorization(format_authorization(credentials)) == credentials
