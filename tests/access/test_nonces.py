"""Nonces without a table."""

from __future__ import annotations

import pytest

from headwater.access.nonces import Nonces, NonceState


def test_nonce_is_good_for_its_lifetime() -> None:
    nonces = Nonces(300.0)
    nonce = nonces.issue(1000.0, "192.0.2.1")
    assert set(nonce) <= set("0123456789abcdef")
    assert nonces.judge(nonce, 1000.0, "192.0.2.1") is NonceState.FRESH
    assert nonces.judge(nonce, 1300.0, "192.0.2.1") is NonceState.FRESH
    assert nonces.judge(nonce, 1300.1, "192.0.2.1") is NonceState.EXPIRED


def test_nonces_differ() -> None:
    nonces = Nonces(300.0)
    assert nonces.issue(1.0, "a") != nonces.issue(1.0, "a")


def test_nonce_is_good_for_its_address_and_process_alone() -> None:
    nonce = Nonces(300.0).issue(1.0, "a")
    nonces = Nonces(300.0)
    assert nonces.judge(nonce, 1.0, "a") is NonceState.FOREIGN
    assert nonces.judge(nonces.issue(1.0, "a"), 1.0, "b") is NonceState.FOREIGN


@pytest.mark.parametrize("position", range(60))
def test_no_digit_can_be_changed(position: int) -> None:
    nonces = Nonces(300.0)
    nonce = nonces.issue(1.0, "a")
    digit = "1" if nonce[position] == "0" else "0"
    changed = nonce[:position] + digit + nonce[position + 1 :]
    assert nonces.judge(changed, 1.0, "a") is NonceState.FOREIGN


@pytest.mark.parametrize("nonce", ["", "0" * 59, "0" * 60, "0" * 61, "é" * 60, "x" * 100_000])
def test_anything_else_is_foreign(nonce: str) -> None:
    assert Nonces(300.0).judge(nonce, 1.0, "a") is NonceState.FOREIGN
