"""Jobs in the portal: lists, live logs, failures and their reasons, starting and stopping."""

import re

from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace


def line_count(page: Page) -> int:
    return int(page.locator(".log-line").last.get_attribute("data-index") or 0)


def test_a_new_job_logs_live_and_stops(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs/new")
    page.get_by_label("Command").fill("sh -c 'while :; do echo tick; sleep 0.2; done'")
    page.get_by_label("CPU").fill("0.1")
    page.get_by_role("button", name="Start job").click()
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))
    expect(page.locator(".page-meta .state.running")).to_be_visible()
    page.wait_for_selector(".log-line")
    before = line_count(page)
    page.wait_for_function(
        """(before) => Number([...document.querySelectorAll('.log-line')].at(-1)
            ?.getAttribute('data-index')) > before + 2""",
        arg=before,
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".page-meta")).to_contain_text("Stopped")
    expect(page.locator(".log-status")).to_contain_text("lines")


def test_a_bad_request_is_explained_at_its_field(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/jobs/new")
    page.get_by_label("Command").fill("echo 'unclosed")
    expect(page.get_by_text("A quote is not closed.")).to_be_visible()
    expect(page.get_by_role("button", name="Start job")).to_be_disabled()
    page.get_by_label("Command").fill("echo")
    page.get_by_label("Memory (GiB)").fill("99999")
    page.get_by_role("button", name="Start job").click()
    expect(page.locator("form").get_by_role("alert")).to_contain_text("memory")
    assert page.url.endswith("/jobs/new")


def test_a_failed_job_says_so(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs/{seeded.failed_job}")
    expect(page.get_by_role("alert")).to_contain_text("The job failed with exit code 1")
    expect(page.locator(".log")).to_contain_text("FloatingPointError: loss is NaN")


def test_a_job_beyond_its_memory_says_so(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs/{seeded.killed_job}")
    expect(page.get_by_role("alert")).to_contain_text(re.compile("memory", re.IGNORECASE))
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_role("table", name="Events")).to_contain_text("64 MiB")


def test_the_list_follows_what_others_do(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs")
    job = seeded.project.run("sh", "-c", "exit 7", name="made-elsewhere")
    row = page.get_by_role("row").filter(has_text="made-elsewhere")
    expect(row).to_contain_text("Failed")
    assert seeded.project.wait(job)["exit_code"] == 7


def test_keys_move_through_the_list(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/jobs?state=failed")
    links = page.locator("[data-row-link]")
    expect(links.nth(1)).to_be_visible()
    for key, row in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(links.nth(row)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/jobs/[0-9a-f]{32}$"))


def test_a_filter_lives_in_the_address(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(seeded.path)
    window.open(f"{seeded.path}/jobs?state=failed")
    expect(page.locator(".segment[aria-current]")).to_have_text("Failed")
    expect(page.get_by_role("row").filter(has_text="diverging")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="ticking")).to_have_count(0)
    page.go_back()
    page.wait_for_url(re.compile(f"{seeded.path}$"))


def test_a_long_log_is_read_searched_and_scrolled(
    page: Page, window: Window, seeded: Workspace
) -> None:
    script = "seq -f 'batch %.0f of a long log, with words to fill the line' 120000"
    job = seeded.project.run("sh", "-c", script, name="long-log")
    seeded.project.wait(job)
    window.open(f"{seeded.path}/jobs/{job}")
    expect(page.locator(".log-line", has_text="batch 120000")).to_be_visible()
    assert page.locator(".log-line").count() < 200
    earlier = page.locator(".log-earlier button")
    while earlier.count() > 0:
        label = earlier.inner_text()
        earlier.click()
        page.wait_for_function(
            "(old) => document.querySelector('.log-earlier button')?.innerText !== old", arg=label
        )
    page.get_by_label("Search the log").fill("batch 777 ")
    expect(page.locator(".log-bar")).to_contain_text("1 / 1")
    page.keyboard.press("Enter")
    expect(page.locator(".log-line.current mark")).to_have_text("batch 777 ")


def test_a_long_list_holds_only_the_rows_in_view(
    page: Page, window: Window, seeded: Workspace
) -> None:
    project = seeded.server.new_project()
    for number in range(150):
        project.post(
            "/jobs",
            {
                "command": ["true"],
                "name": f"one-of-many-{number}",
                "resources": {"cpu_milli": 10, "memory_mib": 16},
            },
        )
    window.open(f"/{project.name}/jobs")
    rows = page.locator("tbody tr[data-index]")
    expect(page.get_by_text("one-of-many-149")).to_be_visible()
    assert rows.count() < 80
    page.locator("#main").hover()
    while page.get_by_text("one-of-many-0", exact=True).count() == 0:
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(50)
    assert rows.count() < 80


def test_the_palette_finds_a_job_by_part_of_its_name(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(seeded.path)
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").fill("diverg")
    expect(page.get_by_role("option").filter(has_text="diverging").first).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(seeded.failed_job))
