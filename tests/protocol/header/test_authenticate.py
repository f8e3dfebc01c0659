import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.protocol.errors import ProtocolError
from headwater.protocol.header.authenticate import (
    BasicChallenge,
    Challenge,
    DigestChallenge,
    format_challenge,
    parse_challenges,
)


@pytest.mark.parametrize(
    ("value", "challenges"),
    [
        ('Basic realm="4419b63f5e51"', [BasicChallenge("4419b63f5e51")]),
        ("Basic realm=x", [BasicChallenge("x")]),
        ("Basic", [BasicChallenge("")]),
        (
            'Digest realm="r", nonce="n", stale="FALSE"',
            [DigestChallenge("r", "n")],
        ),
        (
            'digest realm="r",nonce="n",  stale=true,opaque="",algorithm=MD5',
            [DigestChallenge("r", "n", algorithm="MD5", opaque="", stale=True)],
        ),
        (
            'Digest realm="a, Basic b=", nonce="x\\"y", qop="auth, auth-int", Basic realm="q"',
            [DigestChallenge("a, Basic b=", 'x"y', qop=("auth", "auth-int")), BasicChallenge("q")],
        ),
        ('Digest realm="r"', []),
        ('Bearer realm="x", Basic realm="r"', [BasicChallenge("r")]),
        ("Negotiate, Basic realm=r", [BasicChallenge("r")]),
        ("", []),
    ],
)
def test_parse_challenges(value: str, challenges: list[Challenge]) -> None:
    assert parse_challenges([value]) == challenges


def test_several_headers_keep_the_servers_order() -> None:
    assert parse_challenges(['Digest realm="r", nonce="n"', 'Basic realm="r"']) == [
        DigestChallenge("r", "n"),
        BasicChallenge("r"),
    ]


@pytest.mark.parametrize("value", ['Basic realm="k', 'Digest realm="a" nonce="b"'])
def test_malformed(value: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_challenges([value])
    assert caught.value.where == "WWW-Authenticate"


@pytest.mark.parametrize(
    ("challenge", "text"),
    [
        (BasicChallenge('my "server"'), 'Basic realm="my \\"server\\""'),
        (DigestChallenge("r", "n"), 'Digest realm="r", nonce="n"'),
        (
            DigestChallenge("r", "n", "SHA-256", ("auth",), "o", stale=True),
            'Digest realm="r", nonce="n", stale=true, opaque="o", algorithm=SHA-256, qop="auth"',
        ),
    ],
)
def test_format_challenge(challenge: Challenge, text: str) -> None:
    assert format_challenge(challenge) == text


texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
challenges = st.builds(BasicChallenge, texts) | st.builds(
    DigestChallenge,
    texts,
    texts,
    st.sampled_from([None, "MD5", "SHA-256"]),
    st.sampled_from([(), ("auth",), ("auth", "auth-int")]),
    st.none() | texts,
    st.booleans(),
)


@given(st.lists(challenges, max_size=3))
def test_what_is_written_reads_the_same(offered: list[Challenge]) -> None:
    written = [format_challenge(challenge) for challenge in offered]

    assert parse_challenges(written) == offered
    assert parse_challenges([", ".join(written)]) == offered


@given(
    st.lists(
        st.sampled_from(["Basic ", "Digest ", "realm=", "nonce=", '"', ",", " ", "\\", "x", "="])
    ).map("".join)
)
def test_any_value_gives_challenges_or_a_protocol_error(value: str) -> None:
    try:
        found = parse_challenges([value])
    except ProtocolError:
        found = []
    assert parse_challenges(map(format_challenge, found)) == found
