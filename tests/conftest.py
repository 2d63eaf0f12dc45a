"""Fixtures: a server that tests share, a server of one's own, projects, the command line."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from maru_server import BINARY, CommandLine, Project, Server

servers: list[Server] = []


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests of this process. To restart or kill one, take own_server."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is missing: run `make build` first")
    with Server() as shared:
        servers.append(shared)
        yield shared


@pytest.fixture
def project(server: Server) -> Project:
    """An empty project on the shared server."""
    return server.new_project()


@pytest.fixture
def new_server() -> Iterator[Callable[..., Server]]:
    """Starts servers with the arguments given, each over an empty data directory."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is missing: run `make build` first")
    with ExitStack() as stack:

        def start(*arguments: str, **options: Any) -> Server:
            started = stack.enter_context(Server(*arguments, **options))
            servers.append(started)
            stack.callback(servers.remove, started)
            return started

        yield start


@pytest.fixture
def own_server(new_server: Callable[..., Server]) -> Server:
    """A server for this test alone."""
    return new_server()


@pytest.fixture
def maru(server: Server, project: Project, tmp_path: Path) -> CommandLine:
    """The command line, in an empty directory, for `project` on the shared server."""
    return CommandLine(server, tmp_path, project.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the servers' output beside a failure."""
    report = yield
    if report.failed:
        for number, started in enumerate(servers):
            report.sections.append((f"server {number}, {started.url}", started.tail()))
    return report
