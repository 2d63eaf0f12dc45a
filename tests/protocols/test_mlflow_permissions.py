"""MLflow's own client of permissions and roles; and what its tracking client may then do."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from maru_server import ROOT, Project, Server
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient
from mlflow.tracking import MlflowClient

PASSWORD = "a long enough password"


@pytest.fixture
def user(server: Server) -> str:
    name = f"reader-{time.monotonic_ns():x}"
    with server.client() as admin:
        answer = admin.post("/api/v1/users", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
    return name


@pytest.fixture
def as_admin(project: Project, monkeypatch: pytest.MonkeyPatch) -> str:
    """The project's tracking URI; this process is the administrator."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    return f"{project.server.url}/p/{project.name}"


def become(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)


def code_of(caught: "pytest.ExceptionInfo[MlflowException]") -> str:
    return str(caught.value.error_code)


def test_permissions_of_a_user(
    as_admin: str, project: Project, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, client = AuthServiceClient(as_admin), MlflowClient(as_admin, as_admin)
    shared, other = client.create_experiment("shared"), client.create_experiment("other")
    client.create_registered_model("shared-model")
    run = client.create_run(other).info.run_id

    got = auth.get_user_permission(user, "experiment", shared)
    assert (got.allowed, got.permission) == (False, "NO_PERMISSIONS")
    auth.grant_user_permission(user, "experiment", shared, "EDIT")
    auth.grant_user_permission(user, "registered_model", "shared-model", "READ")
    with pytest.raises(MlflowException) as caught:
        auth.grant_user_permission(user, "experiment", shared, "READ")
    assert code_of(caught) == "RESOURCE_ALREADY_EXISTS"
    got = auth.get_user_permission(user, "experiment", shared)
    assert (got.allowed, got.permission) == (True, "EDIT")
    for wrong in ("NO_PERMISSIONS", "OWN"):
        with pytest.raises(MlflowException) as caught:
            auth.grant_user_permission(user, "experiment", other, wrong)
        assert code_of(caught) == "INVALID_PARAMETER_VALUE"
    with pytest.raises(MlflowException) as caught:
        auth.grant_user_permission(user, "run", "*", "READ")
    assert code_of(caught) == "NOT_IMPLEMENTED"

    become(monkeypatch, user)
    assert [e.name for e in client.search_experiments()] == ["shared"]
    assert [m.name for m in client.search_registered_models()] == ["shared-model"]
    mine = client.create_run(shared).info.run_id
    client.log_metric(mine, "loss", 1.0)
    assert [r.info.run_id for r in client.search_runs([shared, other])] == [mine]
    refused: list[Callable[[], object]] = [
        lambda: client.get_run(run),
        lambda: client.log_metric(run, "loss", 1.0),
        lambda: client.create_experiment("mine"),
        lambda: client.delete_experiment(shared),
        lambda: client.set_registered_model_tag("shared-model", "a", "b"),
        lambda: auth.grant_user_permission(user, "experiment", shared, "MANAGE"),
        lambda: auth.revoke_user_permission(user, "experiment", shared),
    ]
    for refuse in refused:
        with pytest.raises(MlflowException) as caught:
            refuse()
        assert code_of(caught) == "PERMISSION_DENIED"

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.token)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    auth.revoke_user_permission(user, "experiment", shared)
    with pytest.raises(MlflowException) as caught:
        auth.revoke_user_permission(user, "experiment", shared)
    assert code_of(caught) == "RESOURCE_DOES_NOT_EXIST"
    become(monkeypatch, user)
    with pytest.raises(MlflowException) as caught:
        client.get_run(mine)
    assert code_of(caught) == "PERMISSION_DENIED"


def test_a_manager_shares_what_he_was_given(
    as_admin: str, user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, client = AuthServiceClient(as_admin), MlflowClient(as_admin, as_admin)
    experiment = client.create_experiment("shared")
    auth.grant_user_permission(user, "experiment", experiment, "MANAGE")
    become(monkeypatch, user)
    auth.grant_user_permission("admin", "experiment", experiment, "READ")
    with pytest.raises(MlflowException) as caught:
        auth.grant_user_permission("admin", "experiment", "*", "READ")
    assert code_of(caught) == "PERMISSION_DENIED"
    client.delete_experiment(experiment)


def test_roles(as_admin: str, project: Project, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    auth, client = AuthServiceClient(as_admin), MlflowClient(as_admin, as_admin)
    experiment = client.create_experiment("labelled")
    client.create_experiment("other")
    role = auth.create_role(project.name, "labellers", "those who label")
    assert (role.name, role.workspace, role.description, role.permissions) == (
        "labellers", project.name, "those who label", [],
    )  # fmt: skip
    with pytest.raises(MlflowException) as caught:
        auth.create_role(project.name, "labellers")
    assert code_of(caught) == "RESOURCE_ALREADY_EXISTS"
    permission = auth.add_role_permission(role.id, "experiment", experiment, "READ")
    assert (permission.resource_pattern, permission.permission) == (experiment, "READ")
    assert auth.assign_role(user, role.id).role_id == role.id
    assert [r.name for r in auth.list_user_roles(user)] == ["labellers"]
    assert len(auth.list_role_users(role.id)) == 1
    assert auth.update_role(role.id, name="readers").name == "readers"
    assert [r.name for r in auth.list_roles(project.name)] == ["readers"]

    become(monkeypatch, user)
    assert [e.name for e in client.search_experiments()] == ["labelled"]
    with pytest.raises(MlflowException) as caught:
        client.create_run(experiment)
    assert code_of(caught) == "PERMISSION_DENIED"
    with pytest.raises(MlflowException) as caught:
        auth.update_role_permission(permission.id, "MANAGE")
    assert code_of(caught) == "PERMISSION_DENIED"

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.token)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    assert auth.update_role_permission(permission.id, "EDIT").permission == "EDIT"
    assert [p.permission for p in auth.list_role_permissions(role.id)] == ["EDIT"]
    become(monkeypatch, user)
    client.create_run(experiment)

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", project.server.token)
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    auth.remove_role_permission(permission.id)
    auth.unassign_role(user, role.id)
    auth.delete_role(role.id)
    with pytest.raises(MlflowException) as caught:
        auth.get_role(role.id)
    assert code_of(caught) == "RESOURCE_DOES_NOT_EXIST"
    operations = {entry["operation"] for entry in audit(project)}
    assert "mlflow.roles.permissions.add" in operations, operations


def audit(project: Project) -> list[dict[str, str]]:
    with project.server.client() as client:
        answer = client.get("/api/v1/audit", params={"project": project.name, "page_size": 100})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


OLD_CLIENT = """
import sys
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

def ask(verb, method, **arguments):
    path = "/api/2.0/mlflow/experiments/permissions/" + verb
    answer = http_request(get_default_host_creds(sys.argv[1]), path, method, **arguments)
    return answer.status_code, answer.json()

user, experiment = sys.argv[2:]
given = {"experiment_id": experiment, "username": user}
print(ask("create", "POST", json=given | {"permission": "READ"}))
print(ask("update", "PATCH", json=given | {"permission": "NO_PERMISSIONS"}))
print(ask("get", "GET", params=given)[1]["experiment_permission"]["permission"])
print(ask("delete", "DELETE", json=given))
print(ask("get", "GET", params=given)[1]["error_code"])
"""


def test_the_routes_of_old_clients(as_admin: str, user: str, tmp_path: Path) -> None:
    experiment = MlflowClient(as_admin, as_admin).create_experiment("shared")
    # The class AuthServiceClient comes with MLflow's server, which is not installed there.
    program = tmp_path / "old.py"
    program.write_text(OLD_CLIENT)
    result = subprocess.run(
        [ROOT / "build/mlflow2-venv/bin/python", program, as_admin, user, experiment],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("(200, {'experiment_permission':"), lines
    assert lines[1:] == [
        "(200, {})",
        "NO_PERMISSIONS",
        "(200, {})",
        "RESOURCE_DOES_NOT_EXIST",
    ], lines
