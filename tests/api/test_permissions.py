"""Permissions on single experiments and models: each operation and route of MLflow heeds them.

Each is asked about things that the caller may not see, by developers to whom they were denied and
by a guest who was given others. A new one fails the test until it has its line in a table.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from maru_server import Project, Server

PASSWORD = "a long enough password"
ROUTES = Path(__file__).parents[1] / "protocols/mlflow_routes.txt"

# What the answer has to be: "denied", 403; "absent", 200 without a trace of what is hidden;
# "creates", which only who is not denied all may; "fails", without saying more.
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "experiments.list": ("absent", {}),
    "runs.columns": ("denied", {}),
    "runs.group": ("denied", {"by": ["params.hidden-parameter"]}),
    "runs.search": ("denied", {}),
    "runs.values": ("denied", {"column": "params.hidden-parameter"}),
    "views.list": ("denied", {}),
    "views.delete": ("denied", {}),
    "views.put": ("denied", {"state": "{}"}),
    "models.lineage": ("denied", {"kind": "run", "id": "{run}"}),
    "runs.metrics": ("denied", {"runs": ["{run}"], "keys": ["hidden-metric"]}),
    "models.approval_rules": ("absent", {}),
    "models.requests": ("absent", {}),
    "models.request": (
        "denied",
        {"model": "hidden-model", "kind": "alias", "target": "prod", "version": 1},
    ),
    "models.get_request": ("denied", {}),
    "models.approve": ("denied", {}),
    "models.reject": ("denied", {}),
    "models.withdraw": ("denied", {}),
    "models.list": ("absent", {}),
    "models.create": ("creates", {"name": "made-by-{who}"}),
    "models.delete": ("denied", {}),
    "models.get": ("denied", {}),
    "models.update": ("denied", {"description": "changed"}),
    "models.delete_alias": ("denied", {}),
    "models.set_alias": ("denied", {"version": 1}),
    "models.card": ("denied", {}),
    "models.set_card": ("denied", {"text": "changed"}),
    "models.history": ("denied", {}),
    "models.change": ("fails", {}),
    "models.set_tags": ("denied", {"set": {"a": "b"}}),
    "models.versions": ("denied", {}),
    "models.create_version": ("denied", {"source": "runs:/{run}/model"}),
    "models.delete_version": ("denied", {}),
    "models.version": ("denied", {}),
    "models.update_version": ("denied", {"description": "changed"}),
    "models.contents": ("denied", {}),
    "runs.list": ("absent", {}),
    "runs.delete": ("denied", {}),
    "runs.get": ("denied", {}),
    "runs.artifacts": ("denied", {}),
    "runs.artifact_content": ("denied", {"path": "hidden.txt"}),
    "runs.comparison": ("denied", {"other": "{run}"}),
    "runs.fork": ("denied", {}),
    "runs.preview_fork": ("denied", {}),
    "runs.inputs": ("denied", {}),
    "runs.metric": ("denied", {}),
    "runs.models": ("denied", {}),
    "runs.reproduce": ("denied", {}),
    "runs.restore": ("denied", {}),
    "traces.list": ("denied", {"experiment": "{experiment}"}),
    "traces.delete": ("denied", {}),
    "traces.get": ("denied", {}),
    "traces.assess": ("denied", {"name": "a", "kind": "feedback", "value": True}),
    "traces.delete_assessment": ("denied", {}),
    "traces.delete_tag": ("denied", {}),
    "traces.set_tag": ("denied", {"value": "changed"}),
}
# Of other rooms, whose things only name runs and models: members see those, guests do not.
OTHER_ROOMS = re.compile(
    r"(jobs|events|blobs|code_snapshots|environments|endpoints|projects|members|retention|server)\."
)

EVERYTHING: dict[str, Any] = {
    "experiment_id": "{experiment}",
    "experiment_ids": ["{experiment}"],
    "experiment_name": "hidden-experiment",
    "run_id": "{run}",
    "run_uuid": "{run}",
    "run_ids": ["{run}"],
    "model_id": "{logged}",
    "trace_id": "{trace}",
    "request_id": "{trace}",
    "trace_ids": ["{trace}"],
    "request_ids": ["{trace}"],
    "name": "hidden-model",
    "version": "1",
    "alias": "prod",
    "key": "hidden-parameter",
    "value": "changed",
    "metric_key": "hidden-metric",
    "path": "hidden.txt",
    "max_results": 10,
}
# Below /api/2.0/mlflow or /api/3.0/mlflow, without the prefix.
MLFLOW: dict[str, tuple[str, dict[str, Any]]] = {
    "DELETE logged-models/<model_id>": ("denied", {}),
    "DELETE logged-models/<model_id>/tags/<tag_key>": ("denied", {}),
    "DELETE model-versions/delete": ("denied", {}),
    "DELETE model-versions/delete-tag": ("denied", {}),
    "DELETE registered-models/alias": ("denied", {}),
    "DELETE registered-models/delete": ("denied", {}),
    "DELETE registered-models/delete-tag": ("denied", {}),
    "DELETE traces/<id>/tags": ("denied", {}),
    "DELETE traces/<id>/assessments/<assessment_id>": ("denied", {}),
    "GET artifacts/list": ("denied", {"path": ""}),
    "GET experiments/get": ("denied", {}),
    "GET experiments/get-by-name": ("denied", {}),
    "GET experiments/search": ("absent", {}),
    "GET logged-models/<model_id>": ("denied", {}),
    "GET logged-models/<model_id>/artifacts/directories": (
        "denied",
        {"artifact_directory_path": ""},
    ),
    "GET logged-models/<model_id>/artifacts/files": (
        "denied",
        {"artifact_file_path": "hidden.txt"},
    ),
    "GET metrics/get-history": ("denied", {}),
    "GET metrics/get-history-bulk": ("denied", {}),
    "GET metrics/get-history-bulk-interval": ("denied", {}),
    "GET model-versions/get": ("denied", {}),
    "GET model-versions/get-download-uri": ("denied", {}),
    "GET model-versions/search": ("absent", {}),
    "GET registered-models/alias": ("denied", {}),
    "GET registered-models/get": ("denied", {}),
    "GET registered-models/get-latest-versions": ("denied", {}),
    "POST registered-models/get-latest-versions": ("denied", {}),
    "GET registered-models/search": ("absent", {}),
    "GET runs/get": ("denied", {}),
    "GET traces": ("absent", {}),
    "GET traces/<id>": ("denied", {}),
    "GET traces/<id>/info": ("denied", {}),
    "GET traces/<id>/assessments/<assessment_id>": ("denied", {}),
    "GET traces/batchGet": ("denied", {}),
    "GET traces/get": ("denied", {}),
    "GET get-trace-artifact": ("denied", {}),
    "PATCH logged-models/<model_id>": ("denied", {"status": "LOGGED_MODEL_READY"}),
    "PATCH logged-models/<model_id>/tags": ("denied", {"tags": [{"key": "a", "value": "b"}]}),
    "PATCH model-versions/update": ("denied", {"description": "changed"}),
    "PATCH registered-models/update": ("denied", {"description": "changed"}),
    "PATCH traces/<id>": ("denied", {"timestamp_ms": 1, "status": "OK"}),
    "PATCH traces/<id>/tags": ("denied", {}),
    "PATCH traces/<id>/assessments/<assessment_id>": (
        "denied",
        {"assessment": {"assessment_name": "a"}, "update_mask": "rationale"},
    ),
    "POST artifacts/presigned-download-url": ("denied", {}),
    "POST artifacts/presigned-upload-url": ("denied", {"model_id": ""}),
    "POST experiments/create": ("creates", {"name": "made-by-{who}"}),
    "POST experiments/delete": ("denied", {}),
    "POST experiments/delete-experiment-tag": ("denied", {}),
    "POST experiments/restore": ("denied", {}),
    "POST experiments/search": ("absent", {}),
    "POST experiments/search-datasets": ("absent", {}),
    "POST experiments/set-experiment-tag": ("denied", {}),
    "POST experiments/update": ("denied", {"new_name": "changed"}),
    "POST logged-models": ("denied", {"name": "a"}),
    "POST logged-models/<model_id>/params": ("denied", {"params": [{"key": "a", "value": "b"}]}),
    "POST logged-models/search": ("absent", {}),
    "POST model-versions/create": ("denied", {"source": "runs:/{run}/model"}),
    "POST model-versions/set-tag": ("denied", {}),
    "POST model-versions/transition-stage": (
        "denied",
        {"stage": "Staging", "archive_existing_versions": False},
    ),
    "POST registered-models/alias": ("denied", {}),
    "POST registered-models/create": ("creates", {"name": "also-made-by-{who}"}),
    "POST registered-models/rename": ("denied", {"new_name": "changed"}),
    "POST registered-models/set-tag": ("denied", {}),
    "POST runs/create": ("denied", {"start_time": 1}),
    "POST runs/delete": ("denied", {}),
    "POST runs/delete-tag": ("denied", {}),
    "POST runs/log-batch": ("denied", {}),
    "POST runs/log-inputs": ("denied", {"models": [{"model_id": "{logged}"}]}),
    "POST runs/log-metric": ("denied", {"key": "m", "value": 1, "timestamp": 1, "model_id": ""}),
    "POST runs/log-model": (
        "denied",
        {
            "model_json": '{"run_id": "x", "artifact_path": "m", "flavors": {}, '
            '"utc_time_created": "x"}'
        },
    ),
    "POST runs/log-parameter": ("denied", {}),
    "POST runs/outputs": ("denied", {"models": [{"model_id": "{logged}", "step": 0}]}),
    "POST runs/restore": ("denied", {}),
    "POST runs/search": ("absent", {}),
    "POST runs/set-tag": ("denied", {}),
    "POST runs/update": ("denied", {"status": "FINISHED"}),
    "POST traces": (
        "denied",
        {
            "timestamp_ms": 1,
            "trace": {
                "trace_info": {
                    "trace_id": "{trace}",
                    "trace_location": {
                        "type": "MLFLOW_EXPERIMENT",
                        "mlflow_experiment": {"experiment_id": "{experiment}"},
                    },
                    "request_time": "2025-01-01T00:00:00Z",
                    "state": "OK",
                }
            },
        },
    ),
    "POST traces/<id>/assessments": (
        "denied",
        {
            "assessment": {
                "assessment_name": "a",
                "trace_id": "{trace}",
                "source": {"source_type": "HUMAN", "source_id": "x"},
                "feedback": {"value": True},
            }
        },
    ),
    "POST traces/batchGetInfos": ("denied", {}),
    "POST traces/calculate-filter-correlation": (
        "absent",
        {"filter_string1": "status = 'OK'", "filter_string2": "status = 'OK'"},
    ),
    "POST traces/delete-traces": (
        "denied",
        {"max_timestamp_millis": 9999999999999, "trace_ids": [], "request_ids": []},
    ),
    "POST traces/link-prompts": ("denied", {"prompt_versions": [{"name": "p", "version": "1"}]}),
    "POST traces/link-to-run": ("denied", {}),
    "POST traces/metrics": (
        "absent",
        {
            "view_type": "TRACES",
            "metric_name": "trace_count",
            "aggregations": [{"aggregation_type": "COUNT"}],
        },
    ),
    "POST traces/search": (
        "absent",
        {
            "locations": [
                {
                    "type": "MLFLOW_EXPERIMENT",
                    "mlflow_experiment": {"experiment_id": "{experiment}"},
                }
            ]
        },
    ),
    "POST upload-artifact": ("denied", {}),
    "GET mlflow-artifacts/artifacts": ("denied", {"path": "{experiment}/{run}/artifacts"}),
    "GET mlflow-artifacts/artifacts/<path>": ("denied", {}),
    "PUT mlflow-artifacts/artifacts/<path>": ("denied", {}),
    "DELETE mlflow-artifacts/artifacts/<path>": ("denied", {}),
    "GET mlflow-artifacts/presigned/<path>": ("denied", {}),
    "POST mlflow-artifacts/mpu/create/<path>": ("denied", {"path": "hidden.txt", "num_parts": 1}),
    "POST mlflow-artifacts/mpu/complete/<path>": (
        "denied",
        {"path": "hidden.txt", "upload_id": "x", "parts": [{"part_number": 1, "etag": "x"}]},
    ),
    "POST mlflow-artifacts/mpu/abort/<path>": ("denied", {"path": "hidden.txt", "upload_id": "x"}),
}
# About nobody's experiments and models.
NO_RESOURCE = re.compile(r"(users|roles|workspaces|webhooks|server-info)(/|$)|^graphql$")


@dataclass
class Scene:
    """A project with something hidden, something open, and people who may see the latter."""

    project: Project
    kept: dict[str, str] = field(default_factory=dict)
    people: dict[str, httpx.Client] = field(default_factory=dict)

    def fill(self, value: Any, who: str = "") -> Any:
        if isinstance(value, str):
            for name, kept in (self.kept | {"who": who}).items():
                value = value.replace("{" + name + "}", kept)
            return value
        if isinstance(value, dict):
            return {self.fill(k, who): self.fill(v, who) for k, v in value.items()}
        return [self.fill(item, who) for item in value] if isinstance(value, list) else value

    def mlflow(self, path: str, body: object = None, version: str = "2.0", **query: str) -> Any:
        with self.project.server.client() as client:
            answer = client.request(
                "GET" if body is None else "POST",
                f"/p/{self.project.name}/api/{version}/mlflow/{path}",
                json=body,
                params=query,
            )
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()


def add_user(server: Server, name: str) -> httpx.Client:
    with server.client() as admin:
        made = admin.post("/api/v1/users", json={"name": name, "password": PASSWORD})
        assert made.status_code == 200, made.text
    return httpx.Client(base_url=server.url, auth=(name, PASSWORD), timeout=60)


def fill_project(scene: Scene) -> None:
    project, kept = scene.project, scene.kept
    kept["experiment"] = scene.mlflow("experiments/create", {"name": "hidden-experiment"})[
        "experiment_id"
    ]
    kept["open"] = scene.mlflow("experiments/create", {"name": "open"})["experiment_id"]
    run = scene.mlflow(
        "runs/create",
        {"experiment_id": kept["experiment"], "run_name": "hidden-run", "start_time": 1},
    )
    kept["run"] = run["run"]["info"]["run_id"]
    scene.mlflow(
        "runs/log-batch",
        {
            "run_id": kept["run"],
            "metrics": [{"key": "hidden-metric", "value": 1, "timestamp": 1, "step": 0}],
            "params": [{"key": "hidden-parameter", "value": "hidden-value"}],
        },
    )
    scene.mlflow(
        "runs/log-inputs",
        {
            "run_id": kept["run"],
            "datasets": [
                {
                    "dataset": {
                        "name": "hidden-data",
                        "digest": "d",
                        "source_type": "local",
                        "source": "hidden",
                    }
                }
            ],
        },
    )
    with project.server.client() as client:
        put = client.put(
            f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{kept['experiment']}/{kept['run']}"
            "/artifacts/hidden.txt",
            content=b"hidden",
        )
        assert put.status_code == 200, put.text
    logged = scene.mlflow(
        "logged-models", {"experiment_id": kept["experiment"], "name": "hidden-logged"}
    )
    kept["logged"] = logged["model"]["info"]["model_id"]
    kept["trace"] = "tr-" + "0" * 31 + "1"
    scene.mlflow("traces", scene.fill(MLFLOW["POST traces"][1]), version="3.0")
    tag = f"/traces/{kept['trace']}/tags/hidden-tag"
    project.request("PUT", tag, {"value": "hidden"})
    project.request("PUT", f"/experiments/{kept['experiment']}/views/hidden-view", {"state": "{}"})
    scene.mlflow("registered-models/create", {"name": "hidden-model"})
    scene.mlflow("registered-models/create", {"name": "open-model"})
    scene.mlflow(
        "model-versions/create",
        {"name": "hidden-model", "source": f"runs:/{kept['run']}/model", "run_id": kept["run"]},
    )
    scene.mlflow(
        "registered-models/alias", {"name": "hidden-model", "alias": "hidden", "version": "1"}
    )
    project.request("PUT", "/model-approval-rules", {"model": "hidden-model", "aliases": ["prod"]})
    wanted = {"model": "hidden-model", "kind": "alias", "target": "prod", "version": 1}
    kept["request"] = project.post("/model-requests", wanted)["id"]


@pytest.fixture(scope="module")
def scene(server: Server) -> Iterator[Scene]:
    scene = Scene(server.new_project())
    fill_project(scene)
    suffix = f"{time.monotonic_ns():x}"
    model = "registered_model"
    permissions = {
        "developer": [("experiment", "hidden-experiment", "DENY"), (model, "hidden-model", "DENY")],
        "guest": [("experiment", "open", "EDIT"), (model, "open-model", "EDIT")],
        # All is denied, and one thing allowed: a DENY goes before.
        "excluded": [
            ("experiment", "*", "DENY"),
            (model, "*", "DENY"),
            ("experiment", "open", "READ"),
        ],
    }
    for who, given in permissions.items():
        name = f"{who}-{suffix}"
        scene.people[who] = add_user(server, name)
        if who != "guest":
            scene.project.request("PUT", f"/members/{name}", {"role": "developer"})
        for kind, resource, permission in given:
            scene.project.request(
                "PUT",
                "/permissions",
                {"user": name, "kind": kind, "resource": resource, "permission": permission},
            )
    yield scene
    for client in scene.people.values():
        client.close()


def check(name: str, who: str, expected: str, answer: httpx.Response) -> str:
    """What is wrong with an answer; empty if nothing is."""
    said = f"{name} as {who}: {answer.status_code} {answer.text[:300]}"
    if expected == "creates":
        right = answer.status_code == (200 if who == "developer" else 403)
        return "" if right else said
    if expected == "absent":
        return "" if answer.status_code == 200 and "hidden" not in answer.text else said
    if expected == "fails":
        return "" if answer.status_code in (403, 404) else said
    if answer.status_code != 403 or not re.search(
        r'"(PERMISSION_DENIED|permission_denied)"', answer.text
    ):
        return said
    # As far as the check of the thing itself; guests have no part in jobs at all.
    jobs = who == "guest" and "jobs_write" in answer.text
    return "" if jobs or "Permission denied" in answer.text else said


def test_every_operation_heeds_them(scene: Scene) -> None:
    wrong = []
    with scene.project.server.client() as client:
        document = client.get("/api/openapi.json").json()
    seen = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name, permission = operation["operationId"], operation["x-permission"]
            if name not in OPERATIONS:
                known = (
                    OTHER_ROOMS.match(name)
                    or permission in ("project_administer", "administer")
                    or "{project}" not in path
                )
                if not known:
                    wrong.append(f"{name} has no line in OPERATIONS")
                continue
            seen.add(name)
            for who, person in scene.people.items():
                expected, parameters = OPERATIONS[name]
                names = {
                    "project": scene.project.name,
                    "experiment": scene.kept["experiment"],
                    "id": scene.kept["trace" if name.startswith("traces.") else "run"],
                    "name": "hidden-view",
                    "model": "hidden-model",
                    "version": "1",
                    "alias": "hidden",
                    "number": "1",
                    "key": "hidden-metric",
                    "assessment": "x",
                }
                if "model-requests" in path:
                    names["id"] = scene.kept["request"]
                filled = path.format_map(names)
                sent = scene.fill(parameters, who)
                if method in ("get", "delete"):
                    answer = person.request(method.upper(), filled, params=sent)
                else:
                    answer = person.request(method.upper(), filled, json=sent)
                # What is of no single model's is shown to all.
                wrong.append(check(name, who, expected, answer))
    wrong += [f"{name} is no operation" for name in OPERATIONS.keys() - seen]
    assert not any(wrong), "\n".join(line for line in wrong if line)


def short_name(line: str) -> str | None:
    """A line of mlflow_routes.txt as the table has it; nothing for what the table need not have."""
    method, path = line.split()
    path = re.sub(r"^/(ajax-)?api/[23]\.0/?", "", path).lstrip("/")
    path = path.removeprefix("mlflow/")
    path = re.sub(r"<(trace_id|request_id)>", "<id>", path)
    path = re.sub(r"<path:[^>]*>", "<path>", path)
    return None if NO_RESOURCE.match(path) else f"{method} {path}"


def send(scene: Scene, person: httpx.Client, who: str, line: str, name: str) -> httpx.Response:
    _, path = line.split()
    method = name.split()[0]
    file = f"{scene.kept['experiment']}/{scene.kept['run']}/artifacts/hidden.txt"
    if "mpu" in name:
        file = file.removesuffix("/hidden.txt")
    path = re.sub(r"<path:[^>]*>", file, path)
    path = re.sub(r"<(trace_id|request_id)>", scene.kept["trace"], path)
    path = path.replace("<model_id>", scene.kept["logged"])
    path = re.sub(r"<[^>]*>", "hidden", path)
    sent = scene.fill(EVERYTHING | MLFLOW[name][1], who)
    target = f"/p/{scene.project.name}{path}"
    if method in ("GET", "PUT") or "upload-artifact" in name:
        content = None if method == "GET" else b"changed"
        return person.request(method, target, params=sent, content=content)
    return person.request(method, target, json=sent)


def test_every_route_of_mlflow_heeds_them(scene: Scene) -> None:
    wrong: list[str] = []
    lines = [line for line in ROUTES.read_text().splitlines() if "/2.0mlflow/" not in line]
    # Pages of MLflow's ask these, which are on no list.
    lines += ["GET /ajax-api/2.0/mlflow/logged-models/<model_id>/artifacts/files"]
    seen = set()
    for line in lines:
        name = short_name(line)
        if name is None:
            continue
        if name.startswith("* "):  # of the authentication plugin, which names no methods
            methods = [n for n in MLFLOW if n.split()[1] == name.split()[1]]
            name = methods[0] if methods else name
        if name not in MLFLOW:
            method = "POST" if name.startswith("* ") else name.split()[0]
            plain = re.sub(r"<[^>]*>", "x", line.split()[1])
            answer = scene.people["developer"].request(method, f"/p/{scene.project.name}{plain}")
            served = answer.status_code != 501 and "error_code" in answer.text
            if served:
                wrong.append(f"{line}: {name!r} has no line in MLFLOW ({answer.status_code})")
            continue
        seen.add(name)
        for who, person in scene.people.items():
            wrong.append(
                check(
                    line,
                    who,
                    MLFLOW[name][0],
                    send(
                        scene,
                        person,
                        f"{who}-{len(wrong)}" if MLFLOW[name][0] == "creates" else who,
                        line,
                        name,
                    ),
                )
            )
    wrong += [f"{name} is no route" for name in MLFLOW.keys() - seen]
    assert not any(wrong), "\n".join(line for line in wrong if line)


def test_the_administrator_sees_what_the_others_do_not(scene: Scene) -> None:
    """So that the tests above ask for what is there."""
    wrong = []
    with scene.project.server.client() as admin:
        for name, (expected, _) in MLFLOW.items():
            method, path = name.split()
            if method != "GET" and expected != "absent":
                continue
            version = (
                "3.0"
                if path in ("traces/get", "traces/batchGet", "traces/search", "traces/metrics")
                else "2.0"
            )
            version = (
                "3.0"
                if "correlation" in path or "assessments" in path or path == "traces/<id>"
                else version
            )
            prefix = f"/api/{version}/" + ("" if path.startswith("mlflow-artifacts") else "mlflow/")
            route = path.replace("<path>", "<path:x>").replace("<id>", "<trace_id>")
            for start in (prefix, prefix.replace("/api/", "/ajax-api/")):
                answer = send(scene, admin, "admin", f"{method} {start}{route}", name)
                if answer.status_code != 404 or "error_code" in answer.text:
                    break
            if answer.status_code == 403:
                wrong.append(f"{name}: {answer.text[:200]}")
            if expected == "absent" and (answer.status_code != 200 or len(answer.text) < 30):
                wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


def test_whose_permissions_roles_tell(scene: Scene) -> None:
    """A person's own permissions are a role in MLflow's protocol, and name things."""
    project = scene.project.name
    path, asked = f"/p/{project}/api/3.0/mlflow/roles/list", {"workspace": project}
    with scene.project.server.client() as admin:
        assert "hidden-model" in admin.get(path, params=asked).text
    assert scene.people["guest"].get(path, params=asked).status_code == 403
    own = scene.people["developer"].get(path, params=asked)
    assert own.status_code == 200
    assert len([r for r in own.json()["roles"] if r["name"].startswith("__user_")]) <= 1


def test_what_is_hidden_is_not_linked(scene: Scene) -> None:
    developer, base = scene.people["developer"], f"/p/{scene.project.name}/api"
    run = developer.post(f"{base}/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    refused = [
        developer.post(
            f"{base}/2.0/mlflow/logged-models",
            json={"experiment_id": "0", "source_run_id": scene.kept["run"]},
        ),
        developer.post(
            f"{base}/2.0/mlflow/traces/link-to-run",
            json={"run_id": run["run"]["info"]["run_id"], "trace_ids": [scene.kept["trace"]]},
        ),
    ]
    assert [answer.status_code for answer in refused] == [403, 403]
