"""Settings of the API: what is refused, and a token that the file does not tell."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from headwater.api.settings import ApiSettings, TokenSettings

TOKEN = "a-token-of-a-program-1"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"token": "short"}, "shorter than 20 characters"),
        ({"token": "sha256$abc"}, "64 hexadecimal digits"),
        ({"name": ""}, "name is ''"),
        ({"look": ()}, "may do nothing"),
        ({"look": ("../x",)}, "dot segment"),
    ],
)
def test_tokens_that_cannot_be(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words.replace("*", r"\*")):
        TokenSettings(**{"name": "scraper", "token": TOKEN, "look": ("**",), **wrong})


def test_a_token_has_the_same_digest_in_both_forms() -> None:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    plain = TokenSettings(name="a", token=TOKEN, look=("**",))
    hashed = TokenSettings(name="a", token=f"sha256${digest}", look=("**",))
    assert plain.digest == hashed.digest == digest
    assert TOKEN not in repr(plain)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"source_schemes": ("gopher",)}, "source_schemes has 'gopher'"),
        ({"source_networks": ("10.0.0.0/33",)}, "source_networks has"),
        ({"metrics_mounts": -1}, "metrics_mounts is -1"),
    ],
)
def test_sections_that_cannot_be(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ApiSettings(**wrong)
