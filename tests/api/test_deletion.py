"""Deletion of jobs and projects: what is refused, what goes, and that nothing of it is left."""

import sqlite3
import time
from pathlib import Path

from api.test_models import MLMODEL, mlflow, new_run, put_artifact, register
from maru_server import CommandLine, Project, Server

# What tells of the past, is the server's, or is about more than one project.
KEPT = {
    "audit_entries", "deleted_projects", "idempotency_keys", "identity_settings", "retention_last",
    "schema_migrations", "sessions", "sign_in_links", "sqlite_sequence", "sqlite_stat1",
    "tracking_metric_keys", "workload_event_numbers",
}  # fmt: skip


def row_counts(server: Server) -> dict[str, int]:
    with sqlite3.connect(f"file:{server.data / 'maru.db'}?mode=ro", uri=True) as database:
        tables = [
            name
            for (name,) in database.execute("select name from sqlite_master where type='table'")
        ]
        return {
            table: database.execute(f"select count(*) from {table}").fetchone()[0]
            for table in tables
            if table not in KEPT and not table.startswith("sqlite_")
        }


def deleted_projects(server: Server) -> list[tuple[str, int]]:
    with sqlite3.connect(f"file:{server.data / 'maru.db'}?mode=ro", uri=True) as database:
        return database.execute("select name, removed from deleted_projects").fetchall()


def wait_until_removed(server: Server) -> None:
    deadline = time.monotonic() + 60
    while not all(removed for _, removed in deleted_projects(server)):
        assert time.monotonic() < deadline, server.tail()
        time.sleep(0.05)


def log_trace(project: Project) -> None:
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    trace = {
        "trace_id": "tr-" + "0" * 32, "trace_location": location, "state": "OK",
        "request_time": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    with project.server.client() as client:
        answer = client.post(
            f"/p/{project.name}/api/3.0/mlflow/traces", json={"trace": {"trace_info": trace}}
        )
    assert answer.status_code == 200, answer.text


def fill(project: Project) -> str:
    """One of everything that needs no download; returns the job."""
    experiment = mlflow(project, "POST", "experiments/create", {"name": "e"})["experiment_id"]
    body = {"experiment_id": experiment, "name": "m"}
    model = mlflow(project, "POST", "logged-models", body)["model"]["info"]["model_id"]
    put_artifact(project, f"{experiment}/models/{model}/artifacts/MLmodel", MLMODEL.encode())
    run = new_run(project, {"model/MLmodel": MLMODEL.encode()})
    point = {"run_id": run, "key": "loss", "value": 1, "timestamp": 1, "step": 0}
    mlflow(project, "POST", "runs/log-metric", point)
    mlflow(project, "POST", "runs/log-parameter", {"run_id": run, "key": "k", "value": "v"})
    register(project, "iris", f"runs:/{run}/model")
    alias = {"name": "iris", "alias": "best", "version": "1"}
    mlflow(project, "POST", "registered-models/alias", alias)
    log_trace(project)
    job = project.run("sh", "-c", "echo hello")
    project.wait(job)
    return job


def test_a_purge_leaves_no_row_and_no_file(own_server: Server) -> None:
    before = row_counts(own_server)
    project = own_server.new_project()
    job = fill(project)
    project.request("PUT", "/retention", {"keep_deleted_s": 60})
    other = own_server.project()
    kept = new_run(other, {"a.txt": b"kept"})
    with own_server.client() as client:
        refused = client.delete(project.path)
        assert refused.status_code == 400
        message = refused.json()["error"]["message"]
        for what in ("1 job,", "1 experiment,", "2 runs", "1 registered model", "1 trace", "purge"):
            assert what in message
        assert project.get("/jobs")["items"]
        assert client.delete(f"{project.path}?purge=true").status_code == 200
        assert client.get(project.path).status_code == 404
    wait_until_removed(own_server)
    other.post(f"/runs/{kept}/remove", {})
    after = row_counts(own_server)
    # What the other project has is the experiment Default, made at its first use.
    expected = before | {"tracking_experiments": before["tracking_experiments"] + 1}
    assert {t: n for t, n in after.items() if n != expected[t]} == {}
    assert not (own_server.data / "workloads" / job).exists()
    with own_server.client() as client:
        assert client.post("/api/v1/collection", json={"grace_s": 0}).status_code == 200
        # Its name is free again, and the new one has nothing of the old.
        assert client.post("/api/v1/projects", json={"name": project.name}).status_code == 200
    assert project.get("/jobs")["items"] == []
    project.get(f"/jobs/{job}", status=404)
    digests = [path for path in (own_server.data / "blobs").glob("??/*") if path.is_file()]
    assert digests == []


def test_what_runs_is_in_the_way_of_a_purge(own_server: Server) -> None:
    project = own_server.new_project()
    job = project.run("sleep", "600")
    with own_server.client() as client:
        refused = client.delete(f"{project.path}?purge=true")
        assert refused.status_code == 400
        message = refused.json()["error"]["message"]
        assert f"job {job} has not ended; stop it first (maru job stop)" in message
        project.delete(f"/jobs/{job}", status=400)
        project.post(f"/jobs/{job}/stop", {})
        project.wait(job)
        assert client.delete(f"{project.path}?purge=true").status_code == 200


def test_a_purge_goes_on_after_a_kill(own_server: Server) -> None:
    before = row_counts(own_server)
    project = own_server.new_project()
    fill(project)
    for i in range(300):
        body = {"experiment_id": "0", "run_name": f"r{i}", "start_time": i}
        mlflow(project, "POST", "runs/create", body)
    with own_server.client() as client:
        assert client.delete(f"{project.path}?purge=true").status_code == 200
    own_server.kill()
    own_server.start()
    with own_server.client() as client:
        assert client.get(project.path).status_code == 404
    wait_until_removed(own_server)
    assert row_counts(own_server) == before


def test_a_job_that_ended_can_be_deleted(own_server: Server, tmp_path: Path) -> None:
    project = own_server.project()
    maru = CommandLine(own_server, tmp_path, project.name)
    first, second = project.run("true"), project.run("sh", "-c", "echo out")
    ended = [project.wait(job) for job in (first, second)]
    folder = own_server.data / "workloads" / second
    assert (folder / "logs" / "0.log").exists()
    last = max(event["number"] for event in project.get(f"/jobs/{second}/events")["items"])
    maru("job", "rm", second)
    assert not folder.exists()
    for path in ("", "/events", "/logs", "/usage"):
        project.get(f"/jobs/{second}{path}", status=404)
    assert [job["id"] for job in project.get("/jobs")["items"]] == [first]
    # The run that it made stays, as what it was.
    assert project.get(f"/runs/{ended[1]['run_id']}")["status"] == "FINISHED"
    # Readers resume by the numbers of events: none comes again.
    own_server.restart()
    third = project.run("true")
    project.wait(third)
    assert min(e["number"] for e in project.get(f"/jobs/{third}/events")["items"]) > last
    assert maru.json("job", "rm", first) == {}
    project.delete(f"/jobs/{first}", status=404)


def test_files_of_a_removed_job_go_at_the_next_start(own_server: Server) -> None:
    project = own_server.project()
    job = project.run("true")
    project.wait(job)
    left = own_server.data / "workloads" / ("0" * 32) / "logs"
    left.mkdir(parents=True)  # as after a crash between the rows and the files
    (left / "0.log").write_text("x")
    own_server.restart()
    deadline = time.monotonic() + 30
    while left.parent.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (own_server.data / "workloads" / job / "logs" / "0.log").exists()


def test_the_command_line_asks_for_the_name(own_server: Server, tmp_path: Path) -> None:
    project = own_server.new_project()
    new_run(project, {})
    maru = CommandLine(own_server, tmp_path, project.name)
    assert "purge the project" in maru("project", "rm", project.name, code=1).stderr
    assert (
        f"--confirm {project.name}" in maru("project", "rm", project.name, "--purge", code=2).stderr
    )
    refused = maru("project", "rm", project.name, "--purge", "--confirm", "other", code=2)
    assert "nothing was deleted" in refused.stderr
    maru("project", "rm", project.name, "--purge", "--confirm", project.name)
    project.get("", status=404)
    empty = own_server.new_project()
    maru("project", "rm", empty.name)
