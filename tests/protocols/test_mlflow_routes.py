"""Every route that MLflow's server has answers here: as it does there, or with why not."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow
import pytest
from maru_server import Project, Server
from mlflow.entities import Workspace
from mlflow.entities.workspace import WorkspaceDeletionMode
from mlflow.exceptions import MlflowException
from protocols.mlflow_project import mlflow_project

LISTED = Path(__file__).with_name("mlflow_routes.txt")
# Not here yet: they are answered 404, on which the client falls back.
NOT_YET = re.compile(r"/mlflow/(unified-traces|get-online-trace-details)")
# A slash is missing in the definition; the client uses the right path, which is served.
MISSPELT = "/2.0mlflow/"


def routes_of_client() -> list[str]:
    # Here, since all of MLflow's server comes with them, which takes seconds.
    from mlflow.server.auth import routes as auth_routes
    from mlflow.server.handlers import get_endpoints

    found = {
        f"{method} {path}" for path, _, methods in get_endpoints() for method in methods
    } | {
        f"* {path}" for path in vars(auth_routes).values()
        if isinstance(path, str) and path.startswith(("/api/", "/ajax-api/", "/graphql"))
    }  # fmt: skip
    known = {line.split()[1] for line in found if not line.startswith("* ")}
    return sorted(line for line in found if line[0] != "*" or line.split()[1] not in known)


def test_the_list_is_that_of_the_client() -> None:
    listed = routes_of_client()
    if os.environ.get("MARU_UPDATE_GOLDEN"):
        LISTED.write_text("\n".join(listed) + "\n")
    assert LISTED.read_text().splitlines() == listed, "renew it with MARU_UPDATE_GOLDEN=1"


def test_each_route_answers(server: Server, project: Project) -> None:
    missing, unserved = [], []
    with server.client() as client:
        for line in LISTED.read_text().splitlines():
            method, path = line.split()
            if NOT_YET.search(path) or MISSPELT in path:
                continue
            target = re.sub(r"<[^>]*>", "x", path)
            if method == "*":  # of the authentication plugin, which names no methods
                method = "GET" if re.search(r"/(get|list|current|configs)", path) else "POST"
                method = "PATCH" if "/update-" in path else method
                method = "PATCH" if path.endswith("/update") else method
                method = "DELETE" if re.search(r"/(delete|remove|unassign)$", path) else method
            # A literal path, such as /health, is there at the root only.
            answer = client.request(method, f"/p/{project.name}{target}")
            if answer.status_code == 501:
                assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
                assert "This server does not have" in answer.json()["message"]
                unserved.append(line)
            elif answer.status_code == 405 or (
                answer.status_code == 404 and "error_code" not in answer.text
            ):
                missing.append(line)
    assert not missing, "\n".join(missing)
    assert len(unserved) > 50


@pytest.fixture
def client_of_project(server: Server) -> Iterator[Project]:
    with mlflow_project(server) as made:
        yield made


def test_the_client_says_at_once_what_is_not_here(client_of_project: Project) -> None:
    # As the client is set up by itself: with retries that last for minutes.
    os.environ.pop("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    started = time.monotonic()
    with pytest.raises(MlflowException, match="does not have scorers") as caught:
        mlflow.genai.scorers.list_scorers(experiment_id="0")
    assert caught.value.error_code == "NOT_IMPLEMENTED"
    assert time.monotonic() - started < 20
    assert client_of_project.name


def test_workspaces_are_projects(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", own_server.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(own_server.url)
    try:
        made = mlflow.create_workspace("team-a", description="first")
        assert (made.name, made.description) == ("team-a", "first")
        with pytest.raises(MlflowException, match="already exists"):
            mlflow.create_workspace("team-a")
        assert [w.name for w in mlflow.list_workspaces()] == ["default", "team-a"]
        mlflow.update_workspace("team-a", description="second")
        assert mlflow.get_workspace("team-a").description == "second"
        assert own_server.project("team-a").get("")["description"] == "second"
        with pytest.raises(MlflowException, match="not a member of it"):
            mlflow.get_workspace("nothing")

        mlflow.set_workspace("team-a")
        with mlflow.start_run(experiment_id="0"):
            mlflow.log_param("where", "a")
        assert len(mlflow.search_runs(["0"], output_format="list")) == 1
        mlflow.set_workspace("default")
        assert mlflow.search_runs(["0"], output_format="list") == []

        with pytest.raises(MlflowException, match="is not empty: it has 1 run"):
            mlflow.delete_workspace("team-a", mode=WorkspaceDeletionMode.RESTRICT)
        with pytest.raises(MlflowException, match="does not move what is in a workspace"):
            mlflow.delete_workspace("team-a", mode=WorkspaceDeletionMode.SET_DEFAULT)
        mlflow.create_workspace("team-b")
        mlflow.delete_workspace("team-b", mode=WorkspaceDeletionMode.RESTRICT)
        assert [w.name for w in mlflow.list_workspaces()] == ["default", "team-a"]
        mlflow.delete_workspace("team-a", mode=WorkspaceDeletionMode.CASCADE)
        assert [w.name for w in mlflow.list_workspaces()] == ["default"]
        with pytest.raises(MlflowException, match="keeps the files of all workspaces itself"):
            mlflow.create_workspace("team-c", default_artifact_root="s3://bucket/x")
    finally:
        mlflow.set_workspace(None)
        mlflow.set_tracking_uri(before)
    assert isinstance(made, Workspace)


def test_the_path_and_the_header_name_the_same_workspace(server: Server, project: Project) -> None:
    with server.client() as client:
        path = f"/p/{project.name}/api/2.0/mlflow/experiments/get?experiment_id=0"
        for name, status in [(project.name, 200), ("default", 400)]:
            answer = client.get(path, headers={"X-MLFLOW-WORKSPACE": name})
            assert answer.status_code == status, answer.text


def test_a_viewer_may_not_change_workspaces(own_server: Server) -> None:
    with own_server.client() as client:
        client.post("/api/v1/users", json={"name": "vera", "password": "correct horse battery"})
        project = own_server.new_project()
        client.put(f"{project.path}/members/vera", json={"role": "viewer"})
    path = f"{own_server.url}/api/3.0/mlflow/workspaces"
    with httpx.Client(auth=("vera", "correct horse battery")) as vera:
        listed = vera.get(path).json()["workspaces"]
        assert [w["name"] for w in listed] == [project.name]
        assert vera.get(f"{path}/{project.name}").status_code == 200
        assert vera.get(f"{path}/default").status_code == 404
        change = vera.patch(f"{path}/{project.name}", json={"description": "x"})
        assert change.json()["error_code"] == "PERMISSION_DENIED"
        assert vera.delete(f"{path}/{project.name}").status_code == 403


def test_users_of_the_authentication_plugin(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.server.auth.client import AuthServiceClient

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", own_server.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    client = AuthServiceClient(own_server.url)
    assert client.create_user("una", "a long enough password").username == "una"
    assert not client.get_user("una").is_admin
    with pytest.raises(MlflowException, match="already exists"):
        client.create_user("una", "a long enough password")
    client.update_user_admin("una", True)
    assert client.get_user("una").is_admin
    client.update_user_admin("una", False)
    client.update_user_password("una", "another long password")

    users = f"{own_server.url}/api/2.0/mlflow/users"
    with httpx.Client(auth=("una", "another long password")) as una:
        assert una.get(f"{users}/current").json()["user"]["username"] == "una"
        for answer in (
            una.get(f"{users}/list"),
            una.get(f"{users}/get", params={"username": "admin"}),
            una.post(f"{users}/create", json={"username": "x", "password": "long enough pass"}),
            una.patch(f"{users}/update-admin", json={"username": "una", "is_admin": True}),
            una.patch(
                f"{users}/update-password", json={"username": "admin", "password": "12345678"}
            ),
            una.request("DELETE", f"{users}/delete", json={"username": "admin"}),
        ):
            assert answer.json()["error_code"] == "PERMISSION_DENIED", answer.text
        own = {"username": "una", "password": "a third long password"}
        assert una.patch(f"{users}/update-password", json=own).status_code in (400, 401, 403)
        own["current_password"] = "another long password"
        assert una.patch(f"{users}/update-password", json=own).status_code == 200

    with pytest.raises(MlflowException, match="cannot delete their own"):
        client.delete_user("admin")
    client.delete_user("una")
    with pytest.raises(MlflowException, match="User with username=una not found"):
        client.get_user("una")
    gone = httpx.get(f"{users}/current", auth=("una", "a third long password"))
    assert gone.status_code == 401
