"""Fixtures of the portal's tests: Chromium, a server with something to look at, windows on it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from portal.browser import CHROMIUM, CHROMIUM_ARGUMENTS, TIMEOUT_MS, Window, open_window
from portal.workspace import Workspace, workspace


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def seeded() -> Iterator[Workspace]:
    """A project with jobs, runs, models and an endpoint. Tests add; none changes what is there."""
    with workspace() as made:
        yield made


@pytest.fixture
def window(browser: Browser, seeded: Workspace) -> Iterator[Window]:
    """A window of the user `ada`, an administrator."""
    with open_window(browser, seeded.server) as opened:
        yield opened


@pytest.fixture
def page(window: Window) -> Page:
    return window.page
