"""Models and endpoints in the portal: aliases, deployment, a real request."""

import json
import re

from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace


def test_an_alias_moves_and_its_removal_is_undone(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/models/affine?version=2")
    page.get_by_role("button", name="Add alias").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alias").fill("candidate")
    page.keyboard.press("Enter")
    chip = page.locator(".chip", has_text="@candidate").last
    expect(chip).to_be_visible()
    page.get_by_role("button", name="Remove alias candidate").click()
    expect(page.get_by_text("Removed @candidate.")).to_be_visible()
    assert "candidate" not in str(seeded.project.get("/models/affine"))
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("@candidate now points at version 2.").last).to_be_visible()
    assert "candidate" in str(seeded.project.get("/models/affine/versions/2"))


def test_a_model_is_deployed_and_answers(page: Page, window: Window, seeded: Workspace) -> None:
    window.open(f"{seeded.path}/models/affine?version=2")
    page.get_by_role("button", name="Deploy version 2").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("affine-two")
    dialog.get_by_label("CPU").fill("0.1")
    dialog.get_by_role("button", name="Deploy").click()
    page.wait_for_url(re.compile("/endpoints/affine-two$"))
    expect(page.locator(".page-meta .state.good")).to_be_visible()
    # The form begins with the example that was logged with the model.
    body = page.get_by_label("JSON body")
    assert json.loads(body.input_value())
    body.fill('{"inputs": [[1, 2, 3]]}')
    page.get_by_role("button", name="Send").click()
    answer = page.get_by_role("region", name="Response")
    expect(answer).to_contain_text(re.compile(r"predictions.*3.*5.*7", re.DOTALL))
    body.fill('{"inputs": [[1, 2]]}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile("/endpoints$"))
    seeded.project.get("/endpoints/affine-two", status=404)
