"""`maru import mlflow` and `maru export`, with sources that the real MLflow makes and compares."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from maru_server import CommandLine, Project, Server

SCRIPT = Path(__file__).with_name("mlflow_installation.py")


def mlflow(*arguments: str, **variables: str) -> str:
    result = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=os.environ | {"MLFLOW_ALLOW_FILE_STORE": "true"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def describe(uri: str, **variables: str) -> Any:
    return json.loads(mlflow("describe", uri, **variables).splitlines()[-1])


def describe_project(project: Project) -> Any:
    return describe(
        f"{project.server.url}/p/{project.name}", MLFLOW_TRACKING_TOKEN=project.server.token
    )


def assert_same(found: Any, expected: Any) -> None:
    """Compare part by part, so that a difference is shown and not two whole installations."""
    for part in ("registry", "models"):
        assert found[part] == expected[part]
    assert found["experiments"].keys() >= expected["experiments"].keys()
    for name, experiment in expected["experiments"].items():
        assert found["experiments"][name] == experiment
    assert found["runs"].keys() == expected["runs"].keys()
    for run, data in expected["runs"].items():
        for field, value in data.items():
            assert found["runs"][run][field] == value, f"{run}: {field}"


def nothing_new(report: Any) -> None:
    for kind in ("experiments", "runs", "logged_models", "registered_models", "model_versions"):
        counts = report[kind]
        assert (counts["brought"], counts["updated"], counts["failed"]) == (0, 0, 0), kind
    assert report["points"] == report["bytes"] == 0


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with its artifacts beside it; not to be changed."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow("make", f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts")
    return folder / "mlflow.db"


@pytest.fixture
def server(own_server: Server) -> Server:
    """One a test: an id can be in one project of a server only."""
    return own_server


@pytest.fixture
def tracking_server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path}/served.db",
         "--artifacts-destination", f"{tmp_path}/served"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"{url}/health").status_code == 200:
                    break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)  # it tells nobody when it is ready
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_database_comes_over_whole_and_only_once(
    maru: CommandLine, project: Project, database: Path
) -> None:
    dry = maru.json("import", "mlflow", "--from", database, "--dry-run")
    assert dry["runs"]["brought"] == 3
    assert project.get("/models")["items"] == []
    report = maru.json("import", "mlflow", "--from", database)
    assert report["failures"] == []
    assert report["skipped"] == []
    assert report["runs"] == {"brought": 3, "present": 0, "updated": 0, "failed": 0}
    assert report["points"] == 5005
    assert_same(describe_project(project), describe(f"sqlite:///{database}"))
    nothing_new(maru.json("import", "mlflow", "--from", f"sqlite:///{database}"))


def test_versions_find_their_files(maru: CommandLine, project: Project, database: Path) -> None:
    maru("import", "mlflow", "--from", database)
    sizes = {
        version["version"]: version["size_bytes"]
        for version in project.get("/models/분류기/versions")["items"]
    }
    assert sizes == {1: 3, 3: 25600}
    next_one = project.server.client().post(
        f"/p/{project.name}/api/2.0/mlflow/model-versions/create",
        json={"name": "분류기", "source": "mlflow-artifacts:/x"},
    )
    assert next_one.json()["model_version"]["version"] == "4"


def test_a_tracking_server_comes_over_whole(
    maru: CommandLine, project: Project, tracking_server: str
) -> None:
    mlflow("make", tracking_server)
    report = maru.json("import", "mlflow", "--from", tracking_server)
    assert report["failures"] == []
    assert report["skipped"] == []
    assert_same(describe_project(project), describe(tracking_server))
    nothing_new(maru.json("import", "mlflow", "--from", tracking_server))


def test_a_round_trip_over_mlruns_keeps_everything(
    maru: CommandLine, project: Project, tmp_path: Path
) -> None:
    source, target = tmp_path / "mlruns", tmp_path / "exported"
    mlflow("make", f"file://{source}")
    report = maru.json("import", "mlflow", "--from", source)
    assert report["failures"] == []
    assert report["skipped"] == []
    expected = describe(f"file://{source}")
    assert_same(describe_project(project), expected)
    report = maru.json("export", target)
    assert report["failures"] == []
    assert report["skipped"] == []
    assert_same(describe(f"file://{target}"), describe_project(project))
    nothing_new(maru.json("export", target))


def many_runs(database: Path, path: Path, count: int) -> None:
    """A database of that many runs with 20 metrics each, made of an empty one of MLflow's."""
    with sqlite3.connect(database) as source, sqlite3.connect(path) as target:
        source.backup(target)
    with sqlite3.connect(path) as target:
        for number in range(count):
            run = f"{number:032x}"
            target.execute(
                "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, "
                "lifecycle_stage, artifact_uri, experiment_id) VALUES (?, 'many', 'ada', "
                "'FINISHED', 1, 2, 'active', '', 0)",
                [run],
            )
            for key in range(20):
                for table in ("metrics", "latest_metrics"):
                    target.execute(
                        f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) "
                        "VALUES (?, ?, 1, ?, 0, 0)",
                        [f"m{key}", number / 3, run],
                    )


def test_an_import_that_was_killed_goes_on(
    maru: CommandLine, project: Project, database: Path, tmp_path: Path
) -> None:
    many_runs(database, tmp_path / "many.db", 1500)
    words = ("import", "mlflow", "--from", tmp_path / "many.db", "--connections", "1")
    process = maru.start(*words)
    while project.post("/experiments/Default/runs/search", {"page_size": 1})["total"] == 0:
        assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    process.wait()
    there = project.post("/experiments/Default/runs/search", {"page_size": 1})["total"]
    assert 0 < there < 1500
    report = maru.json(*words)
    assert report["failures"] == []
    assert report["runs"]["brought"] + report["runs"]["present"] + report["runs"]["updated"] == 1503
    assert report["runs"]["brought"] < 1503
    columns = {"columns": ["metrics.m7"], "page_size": 2000}
    rows = project.post("/experiments/Default/runs/search", columns)
    assert rows["total"] == 1500
    assert all(row["metrics"]["m7"] == int(row["id"], 16) / 3 for row in rows["items"])
    history = project.get(f"/runs/{5:032x}/metrics/m7")
    assert history["total"] == 1
    nothing_new(maru.json(*words))


def test_what_is_new_is_added(
    maru: CommandLine, project: Project, database: Path, tmp_path: Path
) -> None:
    many_runs(database, tmp_path / "many.db", 2)
    words = ("import", "mlflow", "--from", tmp_path / "many.db", "--no-artifacts")
    maru(*words)
    with sqlite3.connect(tmp_path / "many.db") as target:
        target.execute("UPDATE runs SET status = 'KILLED' WHERE run_uuid = ?", [f"{1:032x}"])
    report = maru.json(*words)
    assert report["runs"]["updated"] == 1
    assert report["runs"]["brought"] == 0
    assert project.get(f"/runs/{1:032x}")["status"] == "KILLED"


def test_files_elsewhere_are_named(maru: CommandLine, database: Path, tmp_path: Path) -> None:
    many_runs(database, tmp_path / "many.db", 1)
    with sqlite3.connect(tmp_path / "many.db") as target:
        target.execute(
            "UPDATE runs SET artifact_uri = 's3://bucket/x' WHERE run_uuid = ?", [f"{0:032x}"]
        )
    words = ("import", "mlflow", "--from", tmp_path / "many.db", "--experiment", "Default")
    for _ in range(2):
        report = maru.json(*words)
        assert [remark["what"] for remark in report["skipped"]] == [
            f"artifacts of run {0:032x} at s3://bucket/x"
        ]
    nothing_new(report)


def test_an_id_is_in_one_project_only(maru: CommandLine, server: Server, database: Path) -> None:
    maru("import", "mlflow", "--from", database)
    other = server.new_project()
    report = maru.json("import", "mlflow", "--from", database, "--project", other.name, code=1)
    assert report["runs"] == {"brought": 0, "present": 0, "updated": 0, "failed": 3}
    assert "is in another project" in report["failures"][0]["why"]


def test_artifacts_that_were_moved_are_found(
    maru: CommandLine, project: Project, tmp_path: Path
) -> None:
    mlflow("make", f"sqlite:///{tmp_path}/mlflow.db", f"{tmp_path}/artifacts")
    expected = describe(f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / "artifacts").rename(tmp_path / "elsewhere")
    maru("import", "mlflow", "--from", "mlflow.db", "--artifacts", "elsewhere", cwd=tmp_path)
    assert_same(describe_project(project), expected)


def test_one_run_that_is_not_taken_holds_up_no_other(
    maru: CommandLine, database: Path, tmp_path: Path
) -> None:
    many_runs(database, tmp_path / "many.db", 3)
    with sqlite3.connect(tmp_path / "many.db") as target:
        target.execute("INSERT INTO params (key, value, run_uuid) VALUES ('a//b', '1', ?)",
                       [f"{1:032x}"])  # fmt: skip
    report = maru.json(
        "import", "mlflow", "--from", tmp_path / "many.db", "--experiment", "Default", code=1
    )
    assert [failure["what"] for failure in report["failures"]] == [f"run {1:032x}"]
    assert report["runs"]["brought"] == 2


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("missing", 3, "no such file or folder"),
        (".", 2, "no file store of MLflow's"),
        ("s3://bucket/mlruns", 2, "expected http"),
        ("http://127.0.0.1:1", 5, "127.0.0.1"),
        (str(SCRIPT), 2, "file is not a database"),
    ],
)
def test_bad_sources_are_named(maru: CommandLine, source: str, code: int, words: str) -> None:
    result = maru("import", "mlflow", "--from", source, code=code)
    assert words in result.stderr


def test_a_developer_may_not_import(server: Server, project: Project) -> None:
    name = f"u{time.monotonic_ns():x}"
    with server.client() as client:
        client.post(
            "/api/v1/users",
            json={"name": name, "display_name": name, "password": "a password of theirs"},
        )
    project.request("PUT", f"/members/{name}", {"role": "developer"})
    with httpx.Client(base_url=server.url, auth=(name, "a password of theirs")) as theirs:
        assert theirs.get(f"{project.path}/experiments").status_code == 200
        answer = theirs.post(f"{project.path}/import/runs", json={"items": []})
    assert answer.status_code == 403


def test_an_export_leaves_other_peoples_files_alone(maru: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("mine")
    result = maru("export", "full", cwd=tmp_path, code=1)
    assert "name an empty directory" in result.stderr
