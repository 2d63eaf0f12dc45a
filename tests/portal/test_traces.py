"""Traces in the portal: the table, the tree of spans, assessments."""

import re

from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace


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
