"""Permissions on single experiments and models: who has them, and what a guest gets to see."""

import re
from collections.abc import Iterator

import pytest
from maru_server import Project, Server
from playwright.sync_api import Browser, Page, expect
from portal.browser import PASSWORD, USER, Look, Window, open_window

EXPERIMENTS = ("shared", "hidden")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """An administrator, an owner, a developer, and two who are no members."""
    with Server() as server:
        with server.client() as client:
            for name in (USER, "olga", "dev", "gus", "nobody"):
                user = {"name": name, "display_name": name, "password": PASSWORD}
                answer = client.post("/api/v1/users", json=user | {"admin": name == USER})
                assert answer.status_code == 200, answer.text
        yield server


@pytest.fixture
def project(server: Server) -> Project:
    """Two experiments, with a run in each, and two models."""
    made = server.new_project()
    with server.client() as client:
        mlflow = f"/p/{made.name}/api/2.0/mlflow"
        for name in EXPERIMENTS:
            answer = client.post(f"{mlflow}/experiments/create", json={"name": name})
            run = {"experiment_id": answer.json()["experiment_id"], "run_name": f"run-{name}"}
            assert client.post(f"{mlflow}/runs/create", json=run).status_code == 200
            made.post("/models", {"name": name})
    made.request("PUT", "/members/olga", {"role": "owner"})
    made.request("PUT", "/members/dev", {"role": "developer"})
    return made


def give(project: Project, user: str, kind: str, resource: str, permission: str) -> None:
    body = {"user": user, "kind": kind, "resource": resource, "permission": permission}
    project.request("PUT", "/permissions", body)


def given(project: Project, kind: str, resource: str) -> dict[str, str]:
    items = project.get("/permissions", kind=kind, resource=resource)["items"]
    return {str(one["user"] or one["role"]): str(one["permission"]) for one in items}


@pytest.mark.parametrize("kind", ["experiment", "registered_model"])
def test_an_owner_gives_changes_and_takes_back_a_permission(
    browser: Browser, server: Server, project: Project, kind: str
) -> None:
    place = "experiments" if kind == "experiment" else "models"
    with open_window(browser, server, user="olga") as window:
        page = window.page
        window.open(f"/{project.name}/{place}/shared")
        page.get_by_role("tab", name="Permissions").click()
        expect(page.get_by_text("Nobody was given anything here")).to_be_visible()
        by_role = page.get_by_role("table", name="By the role in the project")
        expect(by_role.get_by_role("row", name="dev")).to_contain_text("MANAGE")

        # By the keyboard alone.
        page.get_by_role("button", name="Give a permission").press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("User")).to_be_focused()
        page.keyboard.type("gus")
        page.keyboard.press("Tab")
        expect(dialog.get_by_role("radio", name="READ See it, with all")).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        row = page.get_by_role("table", name="Permissions").get_by_role("row", name="gus")
        expect(row).to_contain_text("EDIT")
        expect(row).to_contain_text("Not a member")
        assert given(project, kind, "shared") == {"gus": "EDIT"}

        page.get_by_role("button", name="Change the permission of gus").click()
        expect(dialog.get_by_label("User")).to_be_disabled()
        dialog.get_by_role("radio", name="DENY").check()
        dialog.get_by_role("button", name="Save").click()
        expect(row).to_contain_text("DENY")
        assert given(project, kind, "shared") == {"gus": "DENY"}

        page.get_by_role("button", name="Take back the permission of gus").click()
        expect(dialog).to_contain_text("gus is no member of the project")
        page.keyboard.press("Escape")
        assert given(project, kind, "shared") == {"gus": "DENY"}
        page.get_by_role("button", name="Take back the permission of gus").click()
        dialog.get_by_role("button", name="Take back").click()
        expect(page.get_by_text("Nobody was given anything here")).to_be_visible()
        assert given(project, kind, "shared") == {}


def test_what_a_permission_would_not_change_is_said_first(
    browser: Browser, server: Server, project: Project
) -> None:
    give(project, "gus", "experiment", "shared", "READ")
    give(project, "dev", "experiment", "*", "DENY")
    with open_window(browser, server) as window:
        page = window.page
        window.open(f"/{project.name}/experiments/shared?tab=permissions")
        table = page.get_by_role("table", name="Permissions")
        # What holds for all is shown, but is not this experiment's to change.
        expect(table.get_by_role("row", name="dev")).to_contain_text("All experiments")
        expect(table.get_by_role("button", name="Change the permission of dev")).to_have_count(0)
        page.get_by_role("button", name="Give a permission").click()
        dialog = page.get_by_role("dialog")
        suggested = dialog.locator("datalist option")
        expect(suggested.and_(page.locator("[value=nobody]"))).to_have_count(1)
        expect(suggested.and_(page.locator("[value=gus], [value=olga]"))).to_have_count(0)
        user = dialog.get_by_label("User")
        user.fill("olga")
        expect(dialog).to_contain_text("olga is an owner")
        user.fill("dev")
        expect(dialog).to_contain_text("dev has MANAGE by the role in the project already")
        user.fill("gus")
        expect(dialog).to_contain_text("gus has READ here; this takes its place")
        user.fill("no-such-user")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("no-such-user")
        assert given(project, "experiment", "shared") == {"dev": "DENY", "gus": "READ"}


def test_permissions_that_cannot_be_loaded_are_asked_for_again(
    browser: Browser, server: Server, project: Project
) -> None:
    with open_window(browser, server) as window:
        page = window.page
        refuse = re.compile(r"/permissions\?")
        body = '{"error": {"code": "unavailable", "message": "starting"}}'
        page.route(refuse, lambda route: route.fulfill(status=503, body=body))
        window.open(f"/{project.name}/models/shared?tab=permissions")
        expect(page.get_by_role("alert")).to_contain_text("The server is busy")
        page.unroute(refuse)
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Nobody was given anything here")).to_be_visible()


def test_others_than_owners_are_not_offered_permissions(
    browser: Browser, server: Server, project: Project
) -> None:
    with open_window(browser, server, user="dev") as window:
        for place in ("experiments", "models"):
            window.open(f"/{project.name}/{place}/shared?tab=permissions")
            expect(window.page.get_by_role("tab").first).to_have_attribute("aria-selected", "true")
            expect(window.page.get_by_role("tab", name="Permissions")).to_have_count(0)


def links(page: Page) -> list[str]:
    return page.get_by_role("table").get_by_role("link").all_inner_texts()


def see_as_guest(window: Window, project: Project) -> None:
    page = window.page
    for place in ("experiments", "models"):
        window.open(f"/{project.name}/{place}")
        page.get_by_role("link", name="shared").first.wait_for()
        assert links(page) == ["shared"]
    page.get_by_role("link", name="shared").click()
    page.get_by_role("heading", level=1, name="shared").wait_for()
    expect(page.get_by_role("button", name=re.compile("Deploy"))).to_have_count(0)
    window.open(f"/{project.name}/experiments/shared")
    expect(page.get_by_text("run-shared")).to_be_visible()
    window.open(f"/{project.name}/experiments/hidden")
    expect(page.get_by_text("There is no experiment “hidden”")).to_be_visible()
    window.open(f"/{project.name}/models/hidden")
    expect(page.locator(".error.refused")).to_contain_text("You may not do this")
    for place in ("", "/jobs", "/jobs/new", "/environments", "/endpoints", "/endpoints/none"):
        window.open(f"/{project.name}{place}")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(f"You are a guest in {project.name}")
        expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_guest_sees_what_he_was_given_and_is_told_calmly_of_the_rest(
    browser: Browser, server: Server, project: Project, width: int
) -> None:
    give(project, "gus", "experiment", "shared", "READ")
    give(project, "gus", "registered_model", "shared", "READ")
    with open_window(browser, server, Look(width=width), user="gus") as window:
        refused: list[str] = []
        window.page.on(
            "response",
            lambda answer: refused.append(answer.url) if answer.status == 403 else None,
        )
        see_as_guest(window, project)
        # Nothing that guests have no part in is asked for.
        assert [url for url in refused if "hidden" not in url] == []
        window.page.keyboard.press("Control+k")
        palette = window.page.get_by_role("listbox")
        # The experiment, its run and the model.
        expect(palette.get_by_role("option", name="shared")).to_have_count(3)
        expect(palette.get_by_role("option", name="hidden")).to_have_count(0)
        expect(palette.get_by_role("option", name="New job")).to_have_count(0)


def test_a_guest_of_models_alone_finds_no_experiments(
    browser: Browser, server: Server, project: Project
) -> None:
    give(project, "nobody", "registered_model", "shared", "READ")
    with open_window(browser, server, user="nobody") as window:
        window.open(f"/{project.name}/experiments")
        expect(window.page.get_by_text("Nothing here was shared with you")).to_be_visible()
        expect(window.page.get_by_role("alert")).to_have_count(0)
