"""Runs in the portal: tables, comparison, live charts, artifacts, links that MLflow prints."""

import re

import mlflow
from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace
from protocols.mlflow_project import mlflow_project


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
    expect(page.locator(".chart canvas").first).to_be_visible()


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
        expect(figure.locator("canvas")).to_be_visible()
        client.set_terminated(run)
        expect(page.locator(".page-meta")).to_contain_text("Finished")


def test_artifacts_are_shown(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/runs/{seeded.runs[0]}?tab=artifacts")
    page.get_by_role("button", name="predictions.csv").click()
    expect(page.get_by_role("cell", name="4.5")).to_be_visible()
    page.get_by_role("button", name="labels.json").click()
    expect(page.locator(".artifact-text")).to_contain_text('"virginica"')
    page.get_by_role("button", name="plots").click()
    page.get_by_role("button", name="confusion.png").click()
    page.wait_for_function("() => document.querySelector('.artifact-image')?.naturalWidth === 32")
    page.get_by_role("button", name="report.html").click()
    frame = page.frame_locator(".artifact-frame")
    expect(frame.get_by_role("heading", name="A report")).to_be_visible()
    # Someone's page must not act as the person who looks at it.
    assert page.evaluate("window.hurt") is None
    # The refused script is what the browser reports.
    window.complaints[:] = [text for text in window.complaints if "sandboxed" not in text]


def test_the_links_that_mlflow_prints_lead_to_the_run(page: Page, seeded: Workspace) -> None:
    run = seeded.runs[3]
    for start in ("/", f"/p{seeded.path}/"):
        page.goto(f"{seeded.server.url}{start}#/experiments/1/runs/{run}")
        page.wait_for_url(f"{seeded.server.url}{seeded.path}/runs/{run}")
        expect(page.get_by_role("heading", name="iris-3")).to_be_visible()
        page.goto("about:blank")
