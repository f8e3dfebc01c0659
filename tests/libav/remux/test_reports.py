"""Reports between the two processes."""

import pytest

from headwater.libav.remux.reports import Ended, Progress, Report, read_report, report_line


@pytest.mark.parametrize(
    "report",
    [
        Progress(packets=3, tracks=("h264 1x1",), step="reading x"),
        Ended(),
        Ended(failure="é\n", remedy="x"),
    ],
)
def test_a_report_arrives_as_it_was_sent(report: Report) -> None:
    line = report_line(report)
    assert line.count("\n") == 1
    assert read_report(line) == report


@pytest.mark.parametrize(
    "line", ["", "x", "[]", "{}", '{"kind": "x"}', '{"kind": "ended", "x": 1}']
)
def test_what_is_no_report_is_passed_over(line: str) -> None:
    assert read_report(line) is None
