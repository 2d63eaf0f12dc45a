"""The registry through the API and MLflow's protocol: history, approvals, cards, lineage."""

import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from maru_server import CommandLine, Project, Server

MLMODEL = """flavors:
  python_function:
    loader_module: mlflow.sklearn
signature:
  inputs: '[{"type": "double", "name": "petal"}]'
  outputs: '[{"type": "long"}]'
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: dataframe
mlflow_version: 3.17.0
"""


def mlflow(project: Project, method: str, path: str, body: Any, status: int = 200) -> Any:
    """One call of MLflow's protocol."""
    with project.server.client() as client:
        answer = client.request(
            method,
            f"/p/{project.name}/api/2.0/mlflow/{path}",
            **({"params": body} if method == "GET" else {"json": body}),
        )
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()


def put_artifact(project: Project, path: str, content: bytes) -> None:
    with project.server.client() as client:
        answer = client.put(
            f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{path}", content=content
        )
    assert answer.status_code == 200, answer.text


def new_run(project: Project, files: dict[str, bytes]) -> str:
    """A run in the default experiment with artifacts."""
    run = mlflow(project, "POST", "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    for path, content in files.items():
        put_artifact(project, f"0/{run}/artifacts/{path}", content)
    return str(run)


def register(project: Project, model: str, source: str) -> int:
    body = {"source": source, "create_model": True}
    return int(project.post(f"/models/{model}/versions", body)["version"])


@pytest.fixture
def people(server: Server, project: Project) -> Iterator[dict[str, httpx.Client]]:
    """Clients of members of the project: two owners and a developer."""
    made = {}
    with server.client() as admin:
        for name, role in (("olga", "owner"), ("otto", "owner"), ("dora", "developer")):
            user = f"{name}-{project.name}"
            password = "correct horse battery staple"
            body = {"name": user, "display_name": name, "password": password}
            assert admin.post("/api/v1/users", json=body).status_code == 200
            answer = admin.put(f"{project.path}/members/{user}", json={"role": role})
            assert answer.status_code == 200, answer.text
            token = httpx.post(
                f"{server.url}/api/v1/tokens",
                json={"name": "test", "scopes": ["read", "write"]},
                auth=(user, password),
                timeout=60,
            ).json()["secret"]
            made[name] = httpx.Client(
                base_url=server.url + project.path,
                headers={"Authorization": f"Bearer {token}"},
                timeout=60,
            )
    yield made
    for client in made.values():
        client.close()


def test_history_tells_of_changes_through_either_protocol(project: Project) -> None:
    run = new_run(project, {"model/MLmodel": MLMODEL.encode()})
    mlflow(project, "POST", "registered-models/create", {"name": "iris"})
    mlflow(
        project, "POST", "model-versions/create", {"name": "iris", "source": f"runs:/{run}/model"}
    )
    mlflow(
        project, "POST", "registered-models/alias",
        {"name": "iris", "alias": "champion", "version": "1"},
    )  # fmt: skip
    project.post("/models/iris/tags", {"version": 1, "set": {"stage": "a"}})
    mlflow(
        project, "POST", "model-versions/transition-stage",
        {"name": "iris", "version": "1", "stage": "production", "archive_existing_versions": True},
    )  # fmt: skip
    project.request("PUT", "/models/iris/card", {"text": "# Iris", "version": 1})
    project.request("PATCH", "/models/iris", {"name": "flower", "description": "of three kinds"})
    lines = [
        (line["kind"], line["key"], line["from"], line["to"])
        for line in project.get("/models/flower/history")["items"]
    ]
    assert lines == [
        ("renamed", "", "iris", "flower"),
        ("description", "", "", "of three kinds"),
        ("card", "1", "", "# Iris"),
        ("stage", "", "None", "Production"),
        ("tag", "stage", None, "a"),
        ("alias", "champion", None, "1"),
        ("created", "", None, f"runs:/{run}/model"),
        ("created", "", None, None),
    ]
    page = project.get("/models/flower/history", page_size=3)
    rest = project.get("/models/flower/history", page_token=page["next_page_token"])
    assert len(page["items"]) + len(rest["items"]) == len(lines)
    assert all(line["user"] == "admin" for line in page["items"])
    project.delete("/models/flower")
    assert project.get("/models/flower/history")["items"][0]["kind"] == "deleted"
    project.get("/models/never/history", status=404)


def test_a_protected_alias_moves_only_with_approvals(
    project: Project, people: dict[str, httpx.Client], maru: CommandLine
) -> None:
    for _ in range(2):
        register(project, "iris", "mlflow-artifacts:/0/a")
    rule = {"aliases": ["champ*"], "approvals": 2, "role": "owner"}
    assert people["dora"].put("/model-approval-rules", json=rule).status_code == 403
    assert people["olga"].put("/model-approval-rules", json=rule).status_code == 200
    refused = mlflow(
        project, "POST", "registered-models/alias",
        {"name": "iris", "alias": "champion", "version": "2"}, status=400,
    )  # fmt: skip
    assert refused["error_code"] == "INVALID_STATE"
    [request] = project.get("/model-requests", state="open")["items"]
    assert request["id"] in refused["message"]
    assert "maru model approve" in refused["message"]
    assert request["may_approve"] is False  # who asked
    path = f"/model-requests/{request['id']}/approve"
    assert people["dora"].post(path, json={}).status_code == 403
    project.post(path, {}, status=403)
    assert people["olga"].post(path, json={"comment": "looks good"}).json()["state"] == "open"
    assert project.get("/models/iris")["aliases"] == {}
    done = people["otto"].post(path, json={}).json()
    assert done["state"] == "approved"
    assert project.get("/models/iris")["aliases"] == {"champion": 2}
    assert maru.json("model", "show", "iris@champion")["version"] == 2

    # Through the command line, and back by rejection.
    result = maru("model", "alias", "iris/1", "champion", code=1)
    assert "waits for them" in result.stderr
    [request] = maru.json("model", "requests")["items"]
    path = f"/model-requests/{request['id']}/reject"
    assert people["olga"].post(path, json={"comment": "no"}).json()["state"] == "rejected"
    maru("model", "alias", "iris/1", "champion", "--comment", "try again")
    [request] = maru.json("model", "requests", "--model", "iris")["items"]
    assert request["comment"] == "try again"
    maru("model", "withdraw", request["id"])
    assert maru.json("model", "requests")["items"] == []
    kinds = [line["kind"] for line in maru.json("model", "history", "iris/1")["items"]]
    assert kinds == [
        "withdrawn", "approval_requested", "rejected", "approval_requested", "created"
    ]  # fmt: skip
    maru("model", "rule", "--remove")
    maru("model", "alias", "iris/1", "champion")


def test_approvals_at_the_same_moment_all_count(
    project: Project, people: dict[str, httpx.Client]
) -> None:
    register(project, "iris", "mlflow-artifacts:/0/a")
    project.request(
        "PUT", "/model-approval-rules", {"aliases": ["*"], "approvals": 3, "role": "developer"}
    )
    for alias in (f"a{number}" for number in range(5)):
        request = project.post("/model-requests", {"model": "iris", "target": alias, "version": 1})[
            "id"
        ]
        with ThreadPoolExecutor(3) as pool:
            answers = list(
                pool.map(
                    lambda person, id=request: person.post(
                        f"/model-requests/{id}/approve", json={}
                    ),
                    people.values(),
                )
            )
        assert all(answer.status_code == 200 for answer in answers), [a.text for a in answers]
        assert sorted(answer.json()["state"] for answer in answers) == ["approved", "open", "open"]
    assert set(project.get("/models/iris")["aliases"]) == {f"a{number}" for number in range(5)}


def test_writers_of_one_version_lose_no_update(project: Project) -> None:
    register(project, "iris", "mlflow-artifacts:/0/a")
    writers, each = 6, 10
    errors = []

    def write(writer: int) -> None:
        try:
            with project.server.client() as client:
                for number in range(each):
                    tag = {"version": 1, "set": {f"{writer}-{number}": "x"}}
                    path = f"{project.path}/models/iris"
                    answers = (
                        client.post(f"{path}/tags", json=tag),
                        client.put(f"{path}/aliases/w{writer}-{number}", json={"version": 1}),
                    )
                    assert all(answer.status_code == 200 for answer in answers), answers
        except Exception as error:  # a thread's failure is told at the end
            errors.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    version = project.get("/models/iris/versions/1")
    assert len(version["tags"]) == len(version["aliases"]) == writers * each
    history = project.get("/models/iris/history", page_size=1000)["items"]
    assert len(history) == 2 + 2 * writers * each

    # The card's revision says who was first.
    revisions = [
        project.request("PUT", "/models/iris/card", {"text": "a", "revision": 0})["revision"]
    ]
    project.request("PUT", "/models/iris/card", {"text": "b", "revision": 0}, status=409)
    assert revisions == [1]
    assert project.get("/models/iris/card")["text"] == "a"


def test_contents_show_what_the_files_say(project: Project) -> None:
    run = new_run(
        project,
        {
            "model/MLmodel": MLMODEL.encode(),
            "model/requirements.txt": b"scikit-learn==1.7\n",
            "model/serving_input_example.json": b'{"inputs": [[1.5]]}',
        },
    )
    register(project, "iris", f"runs:/{run}/model")
    contents = project.get("/models/iris/versions/1/contents")
    assert contents["signature"]["inputs"] == [{"type": "double", "name": "petal"}]
    assert contents["input_example"] == {"inputs": [[1.5]]}
    assert contents["requirements"] == "scikit-learn==1.7\n"
    assert list(contents["flavors"]) == ["python_function"]
    assert {file["path"] for file in contents["files"]} == {
        "MLmodel", "requirements.txt", "serving_input_example.json"
    }  # fmt: skip
    register(project, "elsewhere", "s3://bucket/model")
    elsewhere = project.get("/models/elsewhere/versions/1/contents")
    assert "not kept by this server" in elsewhere["problem"]


def test_lineage_goes_both_ways(project: Project, maru: CommandLine) -> None:
    code = b"print('trained')\n"
    digest = hashlib.sha256(code).hexdigest()
    project.request("PUT", f"/blobs/{digest}", content=code)
    snapshot = project.post(
        "/code-snapshots", {"files": [{"path": "a.py", "sha256": digest, "size_bytes": len(code)}]}
    )["id"]
    job = project.run("python3", "a.py", code=snapshot, name="train")
    run = project.get(f"/jobs/{job}")["run_id"]
    mlflow(
        project, "POST", "runs/log-inputs",
        {
            "run_id": run,
            "datasets": [
                {
                    "dataset": {
                        "name": "flowers", "digest": "d1", "source_type": "local", "source": "{}"
                    }
                }
            ],
        },
    )  # fmt: skip
    logged = mlflow(
        project, "POST", "logged-models",
        {"experiment_id": "0", "name": "m", "source_run_id": run},
    )["model"]["info"]["model_id"]  # fmt: skip
    put_artifact(project, f"0/models/{logged}/artifacts/MLmodel", MLMODEL.encode())
    register(project, "iris", f"models:/{logged}")
    register(project, "copy", "models:/iris/1")

    graph = project.get("/lineage", kind="model_version", id="iris/1")
    edges = {
        (edge["from"].partition(":")[0], edge["to"].partition(":")[0]) for edge in graph["edges"]
    }
    assert edges == {
        ("code", "job"), ("job", "run"), ("dataset", "run"), ("run", "logged_model"),
        ("logged_model", "model_version"), ("model_version", "model_version"),
    }  # fmt: skip
    assert graph["start"] == "model_version:iris/1"
    names = {node["kind"]: node["name"] for node in graph["nodes"]}
    assert names["job"] == "train"
    assert names["dataset"] == "flowers"
    for kind, id in (("run", run), ("dataset", "flowers@d1"), ("logged_model", logged)):
        found = {node["id"] for node in project.get("/lineage", kind=kind, id=id)["nodes"]}
        assert {"model_version:iris/1", "model_version:copy/1"} <= found, kind
    project.get("/lineage", kind="run", id="f" * 32, status=404)
    project.get("/lineage", kind="dataset", id="flowers", status=400)
    rows = maru("model", "lineage", "iris/1").stdout
    assert "flowers" in rows
    assert "copy/1" in rows
    project.wait(job)


def test_the_command_line_registers_and_tags(project: Project, maru: CommandLine) -> None:
    run = new_run(project, {"model/MLmodel": MLMODEL.encode()})
    made = maru.json("model", "register", run, "--path", "model", "--name", "iris")
    assert (made["version"], made["run_id"]) == (1, run)
    maru("model", "tag", "iris/1", "--set", "team=x", "--set", "kind=tree")
    maru("model", "tag", "iris/1", "--remove", "kind")
    assert maru.json("model", "show", "iris/1")["tags"] == {"team": "x"}
    maru("model", "alias", "iris/1", "champion")
    assert maru.json("model", "show", "iris@champion")["version"] == 1
    assert [one["version"] for one in maru.json("model", "versions", "iris")["items"]] == [1]
    (maru.home / "card.md").write_text("# Iris\n\nOf three kinds.\n")
    maru("model", "card", "iris", "--file", "card.md")
    assert maru("model", "card", "iris").stdout == "# Iris\n\nOf three kinds.\n"
    assert "alias champion" in maru("model", "history", "iris").stdout
    maru("model", "show", "iris@nobody", code=3)
    maru("model", "rm", "iris/1", "--with-files")
    maru("model", "show", "iris/1", code=3)
    assert project.get(f"/runs/{run}/artifacts")["items"] == []
