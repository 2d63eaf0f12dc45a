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


def test_a_card_is_written_with_a_preview_and_stays_text(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/models/affine?version=1&view=card")
    page.get_by_role("button", name="Write card").click()
    text = '# Purpose\n\n<img src=x onerror="window.hurt = 1"> [here](javascript:window.hurt=1)'
    page.get_by_label("Markdown").fill(text)
    page.get_by_role("tab", name="Preview").click()
    expect(page.get_by_role("heading", name="Purpose")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The card was saved.")).to_be_visible()
    expect(page.get_by_role("heading", name="Purpose")).to_be_visible()
    assert page.evaluate("window.hurt") is None
    assert page.locator(".markdown img, .markdown a[href^=javascript]").count() == 0
    assert seeded.project.get("/models/affine/card", version=1)["text"] == text
    # Who comes second is told, and loses nothing.
    page.get_by_role("button", name="Edit card").click()
    seeded.project.request("PUT", "/models/affine/card", {"text": "# Theirs", "version": 1})
    page.get_by_label("Markdown").fill("# Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Someone else has changed this card")
    page.get_by_role("button", name="Load theirs").click()
    expect(page.get_by_role("heading", name="Theirs")).to_be_visible()


def test_a_protected_alias_is_asked_for_and_approved(
    page: Page, window: Window, seeded: Workspace
) -> None:
    request = {"model": "affine", "target": "gold-eu", "version": 1, "comment": "For Europe"}
    seeded.project.post("/model-requests", request)
    window.open(f"{seeded.path}/models/affine?version=1")
    waiting = page.locator(".request", has_text="@gold-eu")
    expect(waiting).to_contain_text("For Europe")
    waiting.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the last approval")
    dialog.get_by_label("Comment").fill("Measured it")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator(".chip", has_text="@gold-eu").last).to_be_visible()
    expect(waiting).to_have_count(0)
    assert seeded.project.get("/models/affine")["aliases"]["gold-eu"] == 1

    # One's own: asked for in the place of being set, and withdrawn.
    page.get_by_role("button", name="Add alias").click()
    page.get_by_role("dialog").get_by_label("Alias").fill("gold-us")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This alias moves only with approval.")).to_be_visible()
    own = page.locator(".request", has_text="@gold-us")
    expect(own.get_by_role("button", name="Approve")).to_have_count(0)
    own.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    expect(own).to_have_count(0)
    page.get_by_role("tab", name="History").first.click()
    history = page.locator(".history-list")
    expect(history).to_contain_text("admin pointed @gold-eu at version 1")
    expect(history).to_contain_text("ada approved @gold-eu on version 1")
    expect(history).to_contain_text("Measured it")


def test_the_lineage_leads_to_what_a_version_was_made_of(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/models/affine?version=2&view=lineage")
    graph = page.get_by_role("region", name="What it was made of")
    expect(graph.locator(".lineage-node.start")).to_contain_text("affine/2")
    page.get_by_text("As a list").click()
    expect(page.locator(".lineage-list")).to_contain_text("(made of")
    graph.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/runs/{seeded.model_run}"))

    window.open(f"{seeded.path}/models/affine?version=1&view=lineage")
    expect(graph.get_by_role("link", name="affine", exact=True).last).to_have_attribute(
        "href", f"{seeded.path}/endpoints/affine"
    )


def test_approval_rules_are_made_changed_and_removed(page: Page, window: Window) -> None:
    with window.server.client() as client:
        assert client.post("/api/v1/projects", json={"name": "ruled"}).status_code == 200
    window.open("/ruled/models?tab=rules")
    expect(page.get_by_text("No approval rules")).to_be_visible()
    page.get_by_role("button", name="Add a rule").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert").first).to_contain_text("name at least one alias")
    dialog.get_by_label("Aliases").fill("@champion, prod*")
    dialog.get_by_label("Production").check()
    dialog.get_by_label("Approvals").fill("2")
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("row").filter(has_text="All other models")
    expect(row).to_contain_text("@champion")
    expect(row).to_contain_text("2 people, Owner or more")
    page.get_by_role("button", name="Change the rule of All other models").click()
    dialog.get_by_label("Least role").select_option("Developer")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Developer or more")
    page.get_by_role("button", name="Remove the rule of All other models").click()
    expect(page.get_by_text("No approval rules")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Production")


def test_requests_of_all_models_are_in_one_place(
    page: Page, window: Window, seeded: Workspace
) -> None:
    window.open(f"{seeded.path}/models?tab=requests")
    expect(page.locator(".request")).to_contain_text("affine")
    expect(page.locator(".request")).to_contain_text("Better on all data")
    page.locator(".request").get_by_role("link", name="affine").click()
    page.wait_for_url(re.compile("/models/affine"))


def test_retention_is_the_servers_until_a_project_says_else(page: Page, window: Window) -> None:
    with window.server.client() as client:
        assert client.post("/api/v1/projects", json={"name": "kept"}).status_code == 200
    window.open("/settings/projects?project=kept")
    section = page.get_by_role("region", name="Deleted runs, models and experiments")
    expect(section).to_contain_text("As the server says.")
    section.get_by_label("Keep for (days)").fill("3")
    section.get_by_role("button", name="Save").click()
    expect(section).to_contain_text("Set for this project.")
    section.get_by_role("button", name="Use the server’s").click()
    expect(section).to_contain_text("As the server says.")
    window.open("/settings/storage")
    page.get_by_role("button", name="Only count").click()
    expect(page.get_by_text("Would free")).to_be_visible()
    page.get_by_role("button", name="Collect now").click()
    page.get_by_role("dialog").get_by_role("button", name="Collect now").click()
    expect(page.get_by_text(re.compile("^Freed .+B"))).to_be_visible()
    expect(page.get_by_role("region", name="Last collection")).to_contain_text("ago")
