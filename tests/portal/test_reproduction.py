"""Runs of jobs in the portal: what they recorded, forks, reproductions, reports of several."""

import re
from urllib.parse import urlencode

from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace


def test_a_run_shows_what_it_recorded(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/runs/{seeded.job_runs[0]}?tab=reproduction")
    recorded = page.get_by_role("region", name="What was recorded")
    expect(recorded).to_contain_text("python3 train.py --lr 0.5")
    expect(recorded).to_contain_text("PYTHONHASHSEED=0")
    expect(recorded).to_contain_text("seed=1")
    expect(recorded).to_contain_text("CPUs")
    expect(recorded.get_by_role("link", name="iniconfig-1")).to_be_visible()
    recorded.get_by_text("2 files").click()
    expect(recorded.get_by_role("rowheader", name="old.py")).to_be_visible()


def test_a_run_of_no_job_cannot_be_repeated(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/runs/{seeded.runs[0]}?tab=reproduction")
    expect(page.get_by_text("This run was not made by a job")).to_be_visible()
    expect(page.get_by_role("button", name="Fork")).to_have_count(0)


def test_a_fork_is_previewed_and_started(page: Page, window: Window, seeded: Workspace) -> None:
    first = seeded.job_runs[0]
    window.open(f"{seeded.path}/runs/{first}")
    page.get_by_role("button", name="Fork").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Value of lr").fill("0.25")
    expect(dialog.locator("mark")).to_have_text("0.25")
    dialog.get_by_label("Value of seed").fill("7")
    expect(dialog.locator("pre")).to_contain_text('{"seed":"7"}')
    # What would change nothing is said before anything starts.
    dialog.get_by_role("button", name="Add a parameter").click()
    dialog.get_by_label("Parameter", exact=True).fill("depth")
    dialog.get_by_label("Value of depth").fill("3")
    expect(dialog.get_by_role("alert")).to_contain_text("would change nothing")
    expect(dialog.get_by_role("button", name="Start the fork")).to_be_disabled()
    dialog.get_by_role("button", name="Remove").click()
    dialog.get_by_label("Name of the new job").fill("forked-here")
    dialog.get_by_role("button", name="Start the fork").click()
    page.wait_for_url(lambda address: "/runs/" in address and first not in address)
    expect(page.get_by_text("Forked from")).to_be_visible()
    forked = page.url.rsplit("/", 1)[-1]
    job = seeded.project.get(f"/jobs/{seeded.project.get(f'/runs/{forked}')['job_id']}")
    assert (job["name"], job["command"][-1]) == ("forked-here", "0.25")
    seeded.project.wait(job["id"])
    window.open(f"{seeded.path}/runs/{first}?tab=lineage")
    expect(page.get_by_role("region", name="Forks").get_by_role("link").nth(1)).to_be_visible()


def test_a_reproduction_is_started_and_reports(
    page: Page, window: Window, seeded: Workspace
) -> None:
    second = seeded.job_runs[1]
    window.open(f"{seeded.path}/runs/{second}")
    page.get_by_role("button", name="Reproduce").click()
    page.wait_for_url(lambda address: "tab=reproduction" in address and second not in address)
    # The report follows the run to its end by itself.
    report = page.get_by_role("region", name="What came out")
    expect(report.get_by_role("status")).to_contain_text(
        "Not identical: metrics that differ: 1; files that differ: 1."
    )
    row = report.get_by_role("row")
    expect(row.filter(has_text="loss")).to_contain_text("identical")
    expect(row.filter(has_text="pid")).to_contain_text("1 of 1")
    expect(row.filter(has_text="weights.txt")).to_contain_text("identical")
    expect(row.filter(has_text="random.bin")).to_contain_text("differs")


def test_lineage_leads_to_versions_and_relatives(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/runs/{seeded.model_run}")
    models = page.get_by_role("region", name="Registered models")
    expect(models.get_by_role("link", name="affine / 2")).to_be_visible()
    window.open(f"{seeded.path}/runs/{seeded.nested[0]}?tab=lineage")
    nested = page.get_by_role("region", name="Nested runs")
    expect(nested.get_by_role("link", name=re.compile("child"))).to_have_count(3)
    nested.get_by_role("link", name="Compare all").click()
    expect(page.get_by_role("heading", name="Compare 4 runs")).to_be_visible()
    window.open(f"{seeded.path}/runs/{seeded.job_runs[2]}?tab=lineage")
    expect(page.get_by_role("region", name="Reproduction of")).to_contain_text("Finished")


def test_a_report_shows_how_runs_were_made(page: Page, window: Window, seeded: Workspace) -> None:
    runs = ",".join(seeded.job_runs)
    window.open(f"{seeded.path}/compare?{urlencode({'runs': runs, 'base': seeded.job_runs[0]})}")
    code = page.get_by_role("region", name="Code")
    expect(code).to_contain_text("3 files differ")
    changes = code.get_by_role("listitem")
    expect(changes).to_contain_text(["features.py added", "old.py removed", "train.py changed"])
    changes.filter(has_text="train.py").locator("summary").click()
    diff = code.get_by_role("region", name="train.py")
    expect(diff.locator(".diff-removed")).to_contain_text("range(10)")
    expect(diff.locator(".diff-added")).to_contain_text("range(12)")
    packages = page.get_by_role("table", name="Environment")
    row = packages.get_by_role("row").filter(has_text="iniconfig")
    expect(row.last).to_contain_text("1.1.1")
    expect(row.last).to_contain_text("2.0.0")
    expect(page.get_by_role("row").filter(has_text="User")).to_contain_text("admin")


def test_a_report_has_a_title_and_notes_in_its_address(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/compare?runs={','.join(seeded.runs[:2])}")
    page.get_by_role("button", name="Title and notes").click()
    page.get_by_label("Title", exact=True).fill("학습률 비교")
    page.get_by_role("textbox", name="Notes").fill("It is **0.1**.\n\n<script>alert(1)</script>")
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile("notes="))
    page.goto(page.url)
    expect(page.get_by_role("heading", name="학습률 비교")).to_be_visible()
    expect(page.locator(".markdown strong")).to_have_text("0.1")
    expect(page.locator(".markdown")).to_contain_text("<script>")
