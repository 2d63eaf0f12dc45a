"""MLflow's protocol as bytes: errors, unknown routes, streaming, hostile paths."""

from collections.abc import Iterator

import httpx
import pytest
from maru_server import Project, Server


@pytest.fixture
def http(server: Server, project: Project) -> Iterator[httpx.Client]:
    base = f"{server.url}/p/{project.name}"
    authorization = {"Authorization": f"Bearer {server.token}"}
    with httpx.Client(base_url=base, headers=authorization, timeout=60) as client:
        yield client


def test_errors_are_in_mlflows_form(http: httpx.Client) -> None:
    cases = [
        (
            {"name": 123},
            "INVALID_PARAMETER_VALUE",
            "Invalid value 123 for parameter 'name' supplied",
        ),
        ({}, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'"),
        ({"name": "Default"}, "RESOURCE_ALREADY_EXISTS", "Experiment(name=Default) already exists"),
    ]
    for body, code, message in cases:
        answer = http.post("/api/2.0/mlflow/experiments/create", json=body)
        assert answer.status_code == 400
        assert answer.json()["error_code"] == code
        assert message in answer.json()["message"]
    broken = http.post("/api/2.0/mlflow/experiments/create", content=b"{")
    assert broken.status_code == 400
    missing = http.get("/api/2.0/mlflow/runs/get", params={"run_id": "f" * 32})
    assert missing.status_code == 404
    assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_fields_that_it_does_not_know_are_passed_over(http: httpx.Client) -> None:
    body = {"name": "x", "from_the_future": {"a": [1]}}
    assert http.post("/ajax-api/2.0/mlflow/experiments/create", json=body).status_code == 200


def test_without_a_token_it_answers_in_mlflows_form(server: Server) -> None:
    answer = httpx.get(f"{server.url}/p/default/api/2.0/mlflow/experiments/get?experiment_id=0")
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "UNAUTHENTICATED"


def test_unknown_routes_are_no_json(http: httpx.Client) -> None:
    for path in ["/api/2.0/mlflow/nothing", "/api/3.0/mlflow/nothing"]:
        answer = http.post(path, json={})
        assert answer.status_code == 404
        with pytest.raises(ValueError, match="Expecting value"):
            answer.json()


def test_version_and_server_info(http: httpx.Client) -> None:
    assert tuple(map(int, http.get("/version").text.split("."))) >= (3, 4)
    assert http.get("/api/3.0/mlflow/server-info").json()["multipart_uploads_enabled"] is True


def test_the_root_is_the_default_project(server: Server) -> None:
    with server.client() as client:
        created = client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
        run_id = created["run"]["info"]["run_id"]
        answer = client.get("/p/default/api/2.0/mlflow/runs/get", params={"run_id": run_id})
        assert answer.json()["run"]["info"]["run_id"] == run_id


def test_a_file_in_pieces_and_ranges(http: httpx.Client) -> None:
    content = bytes(range(256)) * 20_000

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 100_001):
            yield content[start : start + 100_001]

    path = "/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/big.bin"
    assert http.put(path, content=pieces()).status_code == 200
    assert http.get(path).content == content
    part = http.get(path, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.content == content[1000:2000]
    assert http.get(path).headers["x-content-type-options"] == "nosniff"
    assert http.delete(path).status_code == 200
    assert http.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fkeys%2fadmin.token",
        "0/%2e%2e/%2e%2e/maru.db",
        "%2fetc%2fpasswd",
        "a%00b",
        "a%5cb",
    ],
)
def test_no_path_leads_out(http: httpx.Client, path: str) -> None:
    url = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
    for answer in [http.get(url), http.put(url, content=b"x"), http.delete(url)]:
        assert answer.status_code in (400, 404), answer.text
    listed = http.get("/api/2.0/mlflow-artifacts/artifacts", params={"path": "../../.."})
    assert listed.status_code == 400


def test_pages_of_programs_are_sandboxed(http: httpx.Client, project: Project) -> None:
    created = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    run_id = created["run"]["info"]["run_id"]
    url = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/page.html"
    http.put(url, content=b"<script>alert(1)</script>")
    with project.server.client() as client:
        answer = client.get(
            f"{project.path}/runs/{run_id}/artifacts/content", params={"path": "page.html"}
        )
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"].startswith("text/html")
    assert "sandbox" in answer.headers["content-security-policy"]
    listed = project.get(f"/runs/{run_id}/artifacts")["items"]
    assert listed == [{"path": "page.html", "is_directory": False, "size_bytes": 25}]


def test_files_as_mlflows_pages_read_and_send_them(http: httpx.Client) -> None:
    run = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
    run_id = run["run"]["info"]["run_id"]
    where = {"run_uuid": run_id, "path": "m/notes.txt"}
    assert http.post("/ajax-api/2.0/mlflow/upload-artifact", params=where, content=b"n").is_success
    assert http.get("/get-artifact", params=where).content == b"n"
    assert http.post("/ajax-api/2.0/mlflow/upload-artifact", content=b"n").status_code == 400

    http.post("/api/2.0/mlflow/registered-models/create", json={"name": "net"})
    version = {"name": "net", "source": f"runs:/{run_id}/m", "run_id": run_id}
    assert http.post("/api/2.0/mlflow/model-versions/create", json=version).is_success
    asked = {"name": "net", "version": "1", "path": "notes.txt"}
    assert http.get("/model-versions/get-artifact", params=asked).content == b"n"
    missing = http.get("/model-versions/get-artifact", params=asked | {"path": "other"})
    assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"

    made = http.post("/api/2.0/mlflow/logged-models", json={"experiment_id": "0", "name": "n"})
    model = made.json()["model"]["info"]
    folder = model["artifact_uri"].removeprefix("mlflow-artifacts:/")
    http.put(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/MLmodel", content=b"flavors: {}")
    files = f"/ajax-api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/files"
    answer = http.get(files, params={"artifact_file_path": "MLmodel"})
    assert answer.content == b"flavors: {}"
    assert http.get(files).status_code == 400


def test_history_of_several_runs(http: httpx.Client) -> None:
    ids = []
    for value in range(2):
        created = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()
        ids.append(created["run"]["info"]["run_id"])
        metrics = [{"key": "m", "value": value, "timestamp": i, "step": i} for i in range(500)]
        body = {"run_id": ids[-1], "metrics": metrics}
        assert http.post("/api/2.0/mlflow/runs/log-batch", json=body).status_code == 200
    bulk = http.get(
        "/ajax-api/2.0/mlflow/metrics/get-history-bulk", params={"run_id": ids, "metric_key": "m"}
    ).json()["metrics"]
    assert len(bulk) == 1000
    interval = http.get(
        "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
        params={"run_ids": ids, "metric_key": "m", "max_results": 100},
    ).json()["metrics"]
    assert 40 <= len([m for m in interval if m["run_id"] == ids[0]]) <= 100
