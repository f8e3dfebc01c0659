"""Every kept input of every target, findings of the past among them, through its parser again."""

import pytest
from fuzz.registry import TARGET_NAMES, load, seeds


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_what_was_kept_holds_to_the_invariant(name: str) -> None:
    target, inputs = load(name), seeds(name)

    for path in inputs:
        target.run(path.read_bytes())

    assert inputs, f"{name} has no corpus"
    assert target.invariant
    assert all(path.stat().st_size <= 4_096 for path in inputs)


@pytest.mark.parametrize("name", TARGET_NAMES)
def test_words_alone_hold_to_the_invariant(name: str) -> None:
    target = load(name)

    for word in target.words:
        target.run(word)
        target.run(word * 3)

    assert target.max_bytes > max(map(len, target.words), default=0)
