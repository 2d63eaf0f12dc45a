"""Traces in the portal: the table, the tree of spans, assessments."""

import re

import mlflow
from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace
from protocols.mlflow_project import mlflow_project, traced


def test_traces_are_filtered_sorted_and_opened(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/experiments/assistant")
    page.get_by_role("tab", name="Traces").click()
    page.wait_for_url(re.compile("tab=traces"))
    expect(page.locator("[data-row-link]")).to_have_count(3)
    page.get_by_label("Filter traces").fill("trace.status = 'ERROR'")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("traces="))
    expect(page.locator("[data-row-link]")).to_have_count(1)
    page.get_by_label("Filter traces").fill("feedback.correct = 'true'")
    page.keyboard.press("Enter")
    expect(page.locator(".chip", has_text="correct")).to_contain_text("true")
    expect(page.get_by_role("row").filter(has_text="ask")).to_contain_text("1,280")
    page.get_by_role("columnheader", name="Duration").get_by_role("button").click()
    page.wait_for_url(re.compile("trace_order=execution_time"))
    page.locator("[data-row-link]").click()
    page.wait_for_url(re.compile(f"traces/{seeded.traces[1]}"))
    expect(page.get_by_role("heading", name="ask").first).to_be_visible()


def test_the_tree_of_spans_by_keyboard(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/traces/{seeded.traces[0]}")
    tree = page.get_by_role("tree", name="Spans")
    expect(tree.get_by_role("treeitem")).to_have_count(3)
    detail = page.get_by_role("region", name="Span", exact=True)
    expect(detail).to_contain_text("ask")
    tree.focus()
    page.keyboard.press("ArrowDown")
    expect(detail).to_contain_text("a page about what fails")
    page.keyboard.press("End")
    expect(detail).to_contain_text("TimeoutError: the model did not answer within 30 s")
    expect(detail).to_contain_text("Traceback")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem", selected=True)).to_contain_text("ask")
    page.keyboard.press("ArrowLeft")
    expect(tree.get_by_role("treeitem")).to_have_count(1)
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem")).to_have_count(3)


def test_assessments_are_added_and_deleted(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/traces/{seeded.traces[2]}")
    form = page.get_by_role("form", name="Add assessment")
    form.get_by_label("Name").fill("tone")
    form.get_by_label("Value").fill("0.8")
    form.get_by_label("Why").fill("friendly")
    form.get_by_role("button", name="Add assessment").click()
    added = page.locator(".assessment-list li").filter(has_text="tone")
    expect(added).to_contain_text("0.8")
    expect(added).to_contain_text("friendly")
    shown = seeded.project.get(f"/traces/{seeded.traces[2]}")["trace"]["assessments"]
    assert [(item["name"], item["value"]) for item in shown] == [("tone", 0.8)]
    page.get_by_role("button", name="Delete assessment tone").click()
    expect(added).to_have_count(0)


def test_a_filter_of_mlflow_is_explained(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/experiments/assistant?tab=traces&traces=nope.x+%3D+1")
    expect(page.get_by_role("alert")).to_contain_text("Invalid entity type")


def test_traces_are_tagged_and_deleted(page: Page, window: Window, seeded: Workspace) -> None:
    with mlflow_project(seeded.server) as project:
        mlflow.set_experiment("bulk")

        @traced(name="noted")
        def note(text: str) -> str:
            return text

        for number in range(8):
            note(f"note {number}")
        mlflow.flush_trace_async_logging()
        window.open(f"/{project.name}/experiments/bulk?tab=traces")
        expect(page.locator("[data-row-link]")).to_have_count(8)
        page.get_by_label("Select all that are loaded").check()
        page.get_by_label("Select trace noted").first.uncheck()
        expect(page.get_by_text("7 selected")).to_be_visible()
        page.get_by_role("button", name="Tag", exact=True).click()
        page.get_by_label("Name", exact=True).fill("set")
        page.get_by_label("Value", exact=True).fill("train")
        page.get_by_role("button", name="Set the tag").click()
        expect(page.get_by_text("Tagged 7 traces.")).to_be_visible()
        expect(page.locator(".chip", has_text="set train")).to_have_count(7)
        page.get_by_role("button", name="Delete", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Delete 7 traces?")
        dialog.get_by_role("button", name="Delete").click()
        expect(page.locator("[data-row-link]")).to_have_count(1)
        assert len(project.get("/traces", experiment="bulk")["items"]) == 1
        # One trace, on its own page.
        page.locator("[data-row-link]").click()
        page.get_by_role("button", name="Tag", exact=True).click()
        page.get_by_label("Name", exact=True).last.fill("kept")
        page.get_by_role("dialog").get_by_label("Value").fill("yes")
        page.get_by_role("button", name="Set the tag").click()
        page.get_by_role("button", name="Remove the tag kept").click()
        expect(page.get_by_text("Removed the tag kept.")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Remove the tag kept")).to_be_visible()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        page.wait_for_url(re.compile("experiments/bulk"))
        expect(page.get_by_text("No traces yet")).to_be_visible()
