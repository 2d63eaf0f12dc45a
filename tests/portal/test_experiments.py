"""Runs in the portal: tables, comparison, live charts, artifacts, links that MLflow prints."""

import re

import mlflow
from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace
from protocols.mlflow_project import mlflow_project


def names(page: Page) -> list[str]:
    return page.locator(".runs-table tbody [data-row-link]").all_inner_texts()


def test_runs_are_filtered_sorted_chosen_and_compared(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/experiments/iris")
    expect(page.get_by_role("link", name="iris-11")).to_be_visible()
    page.get_by_label("Filter runs").fill("params.depth = '4'")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("filter="))
    expect(page.locator("[data-row-link]")).to_have_count(4)
    header = page.get_by_role("columnheader", name="loss")
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(page.locator("[data-row-link]").first).to_have_text("iris-10")
    page.get_by_label("Select iris-10").check()
    page.get_by_label("Select iris-1", exact=True).check()
    page.get_by_role("link", name="Compare (2)").click()
    differing = page.locator(".compare-table .differs")
    expect(differing.filter(has_text="learning_rate")).to_contain_text("0.0500")
    expect(differing.filter(has_text="depth")).to_have_count(0)
    page.get_by_label("Baseline").select_option("iris-1")
    expect(differing.filter(has_text="accuracy")).to_contain_text("%")
    page.get_by_role("combobox", name="Metrics").select_option("minimum")
    # Every run's loss begins at 1 and falls; its last is the least.
    expect(differing.filter(has_text="loss")).to_contain_text("0.0")
    expect(page.locator(".plot canvas").first).to_be_visible()


def test_a_filter_is_completed(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris")
    box = page.get_by_role("combobox", name="Filter runs")
    suggestions = page.get_by_role("listbox", name="Suggestions")
    box.press_sequentially("dep")
    expect(suggestions.get_by_role("option")).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("params.depth ")
    suggestions.get_by_role("option", name="=", exact=True).click()
    expect(suggestions.get_by_role("option").filter(has_text="4").first).to_be_visible()
    box.press_sequentially("'5")
    expect(suggestions.get_by_role("option")).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    box.press("Escape")
    box.press("Enter")
    expect(page.locator("[data-row-link]")).to_have_count(4)


def test_columns_are_chosen_pinned_and_remembered(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/experiments/iris")
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Find a metric or parameter").fill("run id")
    dialog.get_by_label("Find a metric or parameter").fill("run_id")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Pin accuracy").click()
    dialog.get_by_role("button", name="Hide loss").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="loss")).to_have_count(0)
    # A pinned column comes first, and stays there for this person.
    window.open(f"{seeded.path}/experiments/iris")
    headers = page.get_by_role("columnheader")
    expect(headers.nth(2)).to_have_text("accuracy")
    expect(page.get_by_role("columnheader", name="Run id")).to_be_visible()


def test_runs_are_grouped_and_groups_open(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris")
    page.get_by_label("Group by").select_option("params.depth")
    page.wait_for_url(re.compile("group=params.depth"))
    expect(page.locator("[data-row-link]")).to_have_count(3)
    page.get_by_label("Show of each group").select_option("Maximum")
    group = page.get_by_role("button", name="3", exact=True)
    expect(page.get_by_role("row").filter(has=group).locator(".badge")).to_have_text("4")
    group.click()
    expect(page.get_by_role("link", name=re.compile("iris-"))).to_have_count(4)
    expect(page.get_by_role("link", name="iris-9")).to_be_visible()


def test_nested_runs_are_below_their_parent(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/nested")
    expect(page.locator("[data-row-link]")).to_have_count(5)
    page.get_by_role("checkbox", name="Nested").check()
    expect(page.locator("[data-row-link]")).to_have_count(2)
    page.get_by_role("button", name="Runs nested in parent").click()
    expect(page.locator("[data-row-link]")).to_have_count(5)
    assert names(page) == ["alone", "parent", "child-2", "child-1", "child-0"]
    page.get_by_role("button", name="Runs nested in parent").click()
    expect(page.locator("[data-row-link]")).to_have_count(2)


def test_keys_and_ranges_select_runs(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris")
    expect(page.locator("[data-row-link]")).to_have_count(12)
    for key, row in (("j", 0), ("x", 0), ("j", 1), ("j", 2), ("X", 2)):
        page.keyboard.press(key)
        expect(page.locator("[data-row-link]").nth(row)).to_be_focused()
    expect(page.get_by_role("link", name="Compare (3)")).to_be_visible()
    # The address holds what is selected, and the charts draw it.
    page.get_by_role("tab", name="Charts").click()
    expect(page.locator(".legend li")).to_have_count(3)
    figure = page.get_by_role("figure").filter(has_text="accuracy")
    expect(figure.locator("canvas").first).to_be_visible()
    page.locator(".legend-run").first.click()
    page.wait_for_url(re.compile("hidden="))
    expect(page.locator(".legend-run[aria-pressed=false]")).to_have_count(1)


def test_a_view_is_saved_for_all_and_opened(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris?filter=params.depth+%3D+%274%27")
    page.get_by_role("button", name="Saved views").click()
    page.get_by_label("Name of this view").fill("Depth of four")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved “Depth of four”.")).to_be_visible()
    window.open(f"{seeded.path}/experiments/iris")
    expect(page.locator("[data-row-link]")).to_have_count(12)
    page.get_by_role("button", name="Saved views").click()
    page.get_by_role("button", name="Depth of four", exact=True).click()
    page.wait_for_url(re.compile("filter="))
    expect(page.locator("[data-row-link]")).to_have_count(4)
    page.get_by_role("button", name="Depth of four").click()
    page.get_by_role("button", name="Remove Depth of four").click()
    expect(page.get_by_text("Nothing saved yet.")).to_be_visible()


def test_the_table_is_exported(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris?columns=metrics.loss,params.depth")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text("utf-8-sig").split("\n")
    assert lines[0].strip() == "id,name,metrics.loss,params.depth"
    assert lines[1].startswith(f"{seeded.runs[11]},iris-11,0.")
    assert len([line for line in lines if line.strip()]) == 13


def test_new_runs_wait_until_they_are_asked_for(
    page: Page, window: Window, seeded: Workspace
) -> None:
    with mlflow_project(seeded.server) as project:
        client = mlflow.MlflowClient()
        for number in range(300):
            client.create_run("0", run_name=f"run-{number}", start_time=1000 + number)
        window.open(f"/{project.name}/experiments/Default?columns=attributes.status")
        expect(page.get_by_text("300 runs")).to_be_visible()
        assert page.locator(".runs-table tbody tr[data-index]").count() < 80
        page.locator(".runs-box").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
        expect(page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
        page.locator(".runs-box").evaluate("(box) => box.scrollTo(0, 0)")
        client.create_run("0", run_name="newcomer", start_time=2000)
        page.get_by_role("button", name="1 new run").click()
        expect(page.locator("[data-row-link]").first).to_have_text("newcomer")


def test_charts_have_sections_and_are_found(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/nested?tab=charts")
    expect(page.get_by_role("figure")).to_have_count(3)
    page.get_by_role("button", name="System").click()
    expect(page.get_by_role("figure")).to_have_count(2)
    page.get_by_label("Find a metric").fill("train")
    expect(page.get_by_role("figure")).to_have_count(1)
    figure = page.get_by_role("figure")
    expect(figure.locator("canvas").first).to_be_visible()
    # Pointing at a line names its run.
    box = figure.locator(".plot").bounding_box()
    assert box is not None
    tip = figure.locator(".plot-tip")
    for share in range(5, 95, 5):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * share / 100)
        if tip.count() > 0:
            break
    expect(tip).to_contain_text(re.compile("parent|child|alone"))


def test_runs_are_explored_and_ranked(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris?tab=explore")
    expect(page.get_by_role("img", name=re.compile("12 runs over depth"))).to_be_visible()
    plot = page.locator(".plot").bounding_box()
    assert plot is not None
    page.mouse.move(plot["x"] + 70, plot["y"] + 28)
    page.mouse.down()
    page.mouse.move(plot["x"] + 70, plot["y"] + 120, steps=4)
    page.mouse.up()
    expect(page.get_by_text("4 of 12 runs")).to_be_visible()
    page.get_by_role("button", name="Open their charts").click()
    expect(page.locator(".legend li")).to_have_count(4)
    page.get_by_role("tab", name="Leaderboard").click()
    rows = page.get_by_role("table", name="Leaderboard").locator("tbody tr")
    expect(rows).to_have_count(10)
    page.get_by_role("combobox", name="Metric", exact=True).select_option("loss")
    expect(page.get_by_role("button", name="Lower is better")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(rows.first).to_contain_text("iris-0")
    page.get_by_role("combobox", name="Best of").select_option("params.depth")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("iris-0")
    expect(rows.first.locator(".sparkline polyline")).to_be_visible()


def test_a_bad_filter_is_explained(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/iris?filter=accuracy+is+good")
    expect(page.get_by_role("alert")).to_contain_text("accuracy")


def test_the_run_of_a_registered_model_opens(page: Page, window: Window, seeded: Workspace) -> None:
    """It once never stopped rendering."""
    window.open(f"{seeded.path}/runs/{seeded.model_run}")
    expect(page.get_by_role("link", name="affine / 2")).to_be_visible()
    page.get_by_role("tab", name="Artifacts").click()
    page.wait_for_url(re.compile("tab=artifacts"))


def test_charts_follow_a_running_run(page: Page, window: Window, seeded: Workspace) -> None:
    with mlflow_project(seeded.server) as project:
        client = mlflow.MlflowClient()
        run = client.create_run("0", run_name="live").info.run_id
        client.log_metric(run, "loss", 8, step=1)
        window.open(f"/{project.name}/runs/{run}?tab=charts")
        figure = page.get_by_role("figure").filter(has_text="loss")
        expect(figure).to_contain_text("8")
        client.log_metric(run, "loss", 0.125, step=2)
        client.log_metric(run, "gain", 3, step=2)
        expect(figure).to_contain_text("0.125")
        expect(page.get_by_role("figure").filter(has_text="gain")).to_be_visible()
        expect(figure.locator("canvas").first).to_be_visible()
        client.set_terminated(run)
        expect(page.locator(".page-meta")).to_contain_text("Finished")


def test_artifacts_are_shown(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/runs/{seeded.runs[0]}?tab=artifacts")

    def choose(name: str) -> None:
        page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).click()

    choose("predictions.csv")
    expect(page.get_by_role("cell", name="4.5")).to_be_visible()
    choose("labels.json")
    expect(page.locator(".json-tree")).to_contain_text('"virginica"')
    choose("answers.json")
    expect(page.get_by_role("cell", name="one?")).to_be_visible()
    choose("train.py")
    expect(page.locator(".artifact-text .code-string")).to_have_text('"done"')
    choose("notes.md")
    expect(page.get_by_role("heading", name="Notes")).to_be_visible()
    expect(page.locator(".markdown a")).to_have_count(0)
    choose("plots")
    choose("confusion.png")
    page.wait_for_function("() => document.querySelector('.artifact-image')?.naturalWidth === 32")


def test_a_page_of_a_run_cannot_act_as_the_reader(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/runs/{seeded.runs[0]}?tab=artifacts&path=report.html")
    frame = page.frame_locator(".artifact-frame")
    expect(frame.get_by_role("heading", name="A report")).to_be_visible()
    assert page.evaluate("window.hurt") is None
    # It may run its own scripts, but reaches neither the session nor the network.
    inside = page.frames[-1]
    assert inside.evaluate("origin") == "null"
    reached = inside.evaluate(
        """async () => {
          try { await fetch(new URL('/api/v1/session', document.baseURI)); return 'fetched'; }
          catch { return 'refused'; }
        }"""
    )
    assert reached == "refused"
    # What was refused is what the browser reports.
    expected = ("Blocked a frame", "Content Security Policy", "sandboxed")
    window.complaints[:] = [
        text for text in window.complaints if not any(part in text for part in expected)
    ]


def test_plotly_figures_are_drawn_without_the_internet(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/runs/{seeded.runs[0]}?tab=artifacts&path=figure.html")
    frame = page.frame_locator(".artifact-frame")
    expect(frame.locator(".gtitle")).to_have_text("Drawn here")
    expect(frame.locator(".bars path")).to_have_count(2)
    assert page.frames[-1].evaluate("origin") == "null"


def test_the_links_that_mlflow_prints_lead_to_the_run(page: Page, seeded: Workspace) -> None:
    run = seeded.runs[3]
    for start in ("/", f"/p{seeded.path}/"):
        page.goto(f"{seeded.server.url}{start}#/experiments/1/runs/{run}")
        page.wait_for_url(f"{seeded.server.url}{seeded.path}/runs/{run}")
        expect(page.get_by_role("heading", name="iris-3")).to_be_visible()
        page.goto("about:blank")
