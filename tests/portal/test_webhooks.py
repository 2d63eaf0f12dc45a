"""Webhooks of a project, in the settings."""

import re

from playwright.sync_api import Page, expect
from portal.browser import Window
from portal.workspace import Workspace


def test_a_webhook_is_made_tested_and_removed(
    page: Page, window: Window, seeded: Workspace
) -> None:
    project = seeded.server.new_project()
    window.open(f"/settings/webhooks?project={project.name}")
    expect(page.get_by_text("The project has no webhooks")).to_be_visible()
    form = page.locator("form")
    form.get_by_label("Name").fill("builds")
    form.get_by_label("URL").fill("https://127.0.0.1/hook")
    form.get_by_label("registered_model.created").check()
    page.get_by_role("button", name="Create webhook").click()
    # What is wrong is said at the field.
    expect(form.locator(".field-problem")).to_contain_text("non-public")
    form.get_by_label("URL").fill("https://localhost/hook")
    form.get_by_label("Secret").fill("whsec")
    page.get_by_role("button", name="Create webhook").click()
    expect(page.get_by_role("rowheader", name="builds")).to_be_visible()
    [made] = project.get("/webhooks")["items"]
    assert made["has_secret"] is True
    assert sorted(made["events"]) == ["model_version.created", "registered_model.created"]

    page.get_by_role("button", name="Test builds").click()
    expect(page.get_by_text("The test failed: ")).to_contain_text("no public address")
    page.get_by_role("button", name="Disable builds").click()
    expect(page.get_by_role("button", name="Enable builds")).to_be_visible()
    page.get_by_role("link", name="builds").click()
    page.wait_for_url(re.compile(f"webhook={made['id']}"))
    expect(page.get_by_text("Nothing has been sent yet")).to_be_visible()
    page.get_by_role("button", name="Remove builds").click()
    expect(page.get_by_text("The project has no webhooks")).to_be_visible()
    assert project.get("/webhooks")["items"] == []
