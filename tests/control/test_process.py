import os
import sys

import pytest

from headwater.control.process import process_status


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells all of it")
def test_this_process() -> None:
    status = process_status()
    assert status.pid == os.getpid()
    assert status.memory_bytes is not None
    assert status.peak_memory_bytes is not None
    assert 1_000_000 < status.memory_bytes < 10_000_000_000
    assert 1_000_000 < status.peak_memory_bytes < 10_000_000_000
    assert status.cpu_user_s > 0
    assert status.threads >= 1
    assert status.descriptors is not None
    assert status.descriptors_allowed is not None
    assert status.descriptors >= 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells all of it")
def test_descriptors_are_counted() -> None:
    before = process_status().descriptors
    with open(os.devnull) as one, open(os.devnull) as two:  # noqa: PTH123
        assert one.fileno() != two.fileno()
        after = process_status().descriptors
    assert before is not None
    assert after == before + 2
