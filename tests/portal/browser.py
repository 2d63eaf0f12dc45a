"""Chromium windows on a server's portal, signed in, that collect what the page complains about."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from maru_server import ROOT, Server
from playwright.sync_api import Browser, BrowserContext, Page

Language = Literal["en", "ko"]
Theme = Literal["light", "dark"]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
USER, PASSWORD = "ada", "correct horse battery"
# Ample: two browsers and their servers share the machine's cores.
TIMEOUT_MS = 60_000
AXE = ROOT / "portal/node_modules/axe-core/axe.min.js"

OBSERVE_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const what = entry.sources.map((source) => source.node?.className ?? source.node?.nodeName);
    window.shifts.push({ value: entry.value, what });
  }
}).observe({ type: 'layout-shift', buffered: true });
"""

# What is out of view may load once it is scrolled to.
NOTHING_LOADS = """
() => [...document.querySelectorAll('.skeleton, [aria-busy=true]')].every(
  (element) => element.getBoundingClientRect().top > innerHeight)
"""


@dataclass(frozen=True)
class Look:
    """How a window is set up."""

    language: Language = "en"
    theme: Theme = "light"
    width: int = 1280

    def __str__(self) -> str:
        return f"{self.width}-{self.language}-{self.theme}"


@dataclass
class Window:
    """One page in a browser context of its own."""

    server: Server
    context: BrowserContext
    page: Page
    complaints: list[str]

    def open(self, path: str) -> None:
        """Go to a page, and wait until it has a heading and nothing in view is still loading."""
        self.page.goto(self.server.url + path)
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_selector("h1", state="attached")
        self.page.wait_for_function(NOTHING_LOADS)

    def shift(self) -> tuple[float, list[object]]:
        """The cumulative layout shift so far (web.dev/cls), and what moved."""
        shifts = self.page.evaluate("() => window.shifts")
        return sum(shift["value"] for shift in shifts), shifts

    def violations(self) -> list[str]:
        """What axe finds serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("async () => (await globalThis.axe.run()).violations")
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes'][:3]]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]


@contextlib.contextmanager
def open_window(
    browser: Browser,
    server: Server,
    look: Look | None = None,
    *,
    signed_in: bool = True,
    user: str = USER,
) -> Iterator[Window]:
    """A window on the server's portal; fails where the page has reported an error by its end."""
    look = look or Look()
    is_phone = look.width < 760
    context = browser.new_context(
        viewport={"width": look.width, "height": 844 if is_phone else 800},
        locale="ko-KR" if look.language == "ko" else "en-US",
        color_scheme=look.theme,
        has_touch=is_phone,
        is_mobile=is_phone,
    )
    try:
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(OBSERVE_SHIFTS)
        if signed_in:
            answer = context.request.post(
                f"{server.url}/api/v1/session", data={"username": user, "password": PASSWORD}
            )
            assert answer.ok, answer.text()
        page = context.new_page()
        window = Window(server, context, page, [])
        page.on("pageerror", lambda error: window.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                window.complaints.append(message.text) if message.type == "error" else None
            ),
        )
        yield window
        # The browser itself reports every answer that refuses; some tests are refused on purpose.
        errors = [text for text in window.complaints if "Failed to load resource" not in text]
        assert errors == []
    finally:
        context.close()
