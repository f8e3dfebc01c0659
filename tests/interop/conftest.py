"""What the tests with real clients share: the films, a server, and the table of results."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import servers.lineup
from clients import lineup
from media_library import MediaLibrary
from own_ports import free_port
from result_table import ResultTable
from server_process import ServerProcess

TABLE = pytest.StashKey[ResultTable]()
TOLD = "interop_table"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the table of results into a file."""
    parser.addoption(
        "--interop-table",
        metavar="FILE",
        help="write the table of real clients into this Markdown file",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty table."""
    config.stash[TABLE] = ResultTable()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the table of a worker of xdist to the process that prints it."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[TOLD] = session.config.stash[TABLE].told()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in the table of a worker that has ended; one that was killed has told nothing."""
    if TOLD in (output := getattr(node, "workeroutput", {})):
        node.config.stash[TABLE].add(output[TOLD])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, and write it where the option says."""
    table = config.stash[TABLE]
    if table.servers:
        terminalreporter.section("other servers")
        terminalreporter.write_line(table.servers_markdown())
    if not table.results:
        return
    markdown = table.markdown()
    terminalreporter.section("real clients")
    terminalreporter.write_line(markdown)
    if path := config.getoption("--interop-table"):
        Path(path).write_text(table.page(lineup.versions() | servers.lineup.versions()))


@pytest.fixture(scope="session")
def result_table(pytestconfig: pytest.Config) -> ResultTable:
    """The table that tests of cells fill in."""
    return pytestconfig.stash[TABLE]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> MediaLibrary:
    """The films, each made when a test first asks for it."""
    return MediaLibrary(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all crossings, with its own port for publishers and for readers."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with ServerProcess(log, publish_port=free_port(), play_port=free_port()) as running:
        yield running
