"""Who one is: signing in and out, one-time links, the language, tokens, users."""

import re
from collections.abc import Callable

import httpx
from maru_server import Server
from playwright.sync_api import Browser, Page, expect
from portal.browser import PASSWORD, USER, Window, open_window
from portal.workspace import Workspace


def test_a_page_asks_to_sign_in_and_comes_back(browser: Browser, seeded: Workspace) -> None:
    with open_window(browser, seeded.server, signed_in=False) as window:
        page = window.page
        wanted = f"{seeded.server.url}{seeded.path}/models"
        page.goto(wanted)
        page.wait_for_url(re.compile(r"/sign-in\?next="))
        page.get_by_label("User name").fill(USER)
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_text("The user name or the password is wrong.")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(wanted)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(re.compile(r"/sign-in$"))
        page.goto(wanted)
        page.wait_for_url(re.compile(r"/sign-in\?next="))


def test_next_leads_nowhere_else(browser: Browser, seeded: Workspace) -> None:
    with open_window(browser, seeded.server, signed_in=False) as window:
        page = window.page
        page.goto(f"{seeded.server.url}/sign-in?next=//example.invalid/")
        page.get_by_label("User name").fill(USER)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(re.escape(seeded.server.url)))
        expect(page.get_by_role("heading", name="Home")).to_be_visible()


def test_the_link_that_the_server_prints_works_once(
    browser: Browser, new_server: Callable[..., Server]
) -> None:
    server = new_server()
    [link] = [found[1] for line in server.output if (found := re.search(r"once, at (\S+)", line))]
    with open_window(browser, server, signed_in=False) as window:
        window.page.goto(link)
        window.page.wait_for_url(f"{server.url}/default")
        assert window.page.evaluate("location.hash") == ""
        expect(window.page.get_by_text("Nothing has run in default yet")).to_be_visible()
    with open_window(browser, server, signed_in=False) as window:
        window.page.goto(link)
        expect(window.page.get_by_text("A sign-in link works once")).to_be_visible()


def test_the_language_changes_at_once_and_stays(window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs")
    window.page.get_by_role("button", name="한국어").click()
    expect(window.page.get_by_role("heading", name="작업", exact=True)).to_be_visible()
    window.page.reload()
    expect(window.page.get_by_role("heading", name="작업", exact=True)).to_be_visible()
    assert window.page.evaluate("document.documentElement.lang") == "ko"


def test_a_token_is_shown_once_works_and_is_revoked(window: Window, seeded: Workspace) -> None:
    window.open("/settings/tokens")
    page = window.page
    page.locator("form").get_by_label("Name").fill("portal-check")
    page.get_by_role("button", name="Create token").click()
    secret = page.locator(".secret code").first.inner_text()
    headers = {"Authorization": f"Bearer {secret}"}
    address = f"{seeded.server.url}/api/v1/status"
    assert httpx.get(address, headers=headers).status_code == 200
    page.get_by_role("button", name="Revoke portal-check").click()
    expect(page.get_by_text("Revoked portal-check.")).to_be_visible()
    assert httpx.get(address, headers=headers).status_code == 401
    page.reload()
    expect(page.get_by_text(secret)).to_have_count(0)


def test_a_user_is_created_and_signs_in(
    browser: Browser, window: Window, seeded: Workspace
) -> None:
    window.open("/settings/users")
    form = window.page.locator("form")
    form.get_by_label("User name").fill("grace")
    form.get_by_label("First password").fill("a first password")
    window.page.get_by_role("button", name="Create user").click()
    expect(window.page.get_by_role("rowheader", name="grace")).to_be_visible()
    with open_window(browser, seeded.server, signed_in=False) as other:
        other.page.goto(seeded.server.url)
        other.page.get_by_label("User name").fill("grace")
        other.page.get_by_label("Password").fill("a first password")
        other.page.keyboard.press("Enter")
        # Nobody has let her into a project yet.
        other.page.wait_for_url(re.compile("/settings/projects"))


def test_a_project_is_created_and_switched_to(page: Page, window: Window) -> None:
    window.open("/settings/projects")
    page.locator("form").get_by_label("Name").first.fill("made-here")
    page.get_by_role("button", name="Create project").click()
    page.wait_for_url(re.compile("/made-here$"))
    expect(page.get_by_text("Nothing has run in made-here yet")).to_be_visible()
    page.get_by_role("combobox", name="Project").select_option("default")
    page.wait_for_url(re.compile("/default$"))
