"""Removal for good and the collection of files: what goes, what stays, what it frees."""

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from api.test_models import MLMODEL, mlflow, new_run, put_artifact, register
from maru_server import CommandLine, Server


def blobs(server: Server) -> set[str]:
    """The digests that are on the disk."""
    return {
        folder.name + file.name
        for folder in (server.data / "blobs").iterdir()
        if len(folder.name) == 2
        for file in folder.iterdir()
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def collect(server: Server, **fields: Any) -> Any:
    with server.client() as client:
        answer = client.post("/api/v1/collection", json={"grace_s": 0, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_removed_run_frees_its_space(own_server: Server, tmp_path: Path) -> None:
    project = own_server.new_project()
    own, shared = os.urandom(100_000), os.urandom(50_000)
    gone = new_run(project, {"own.bin": own, "shared.bin": shared})
    stays = new_run(project, {"shared.bin": shared})
    maru = CommandLine(own_server, tmp_path, project.name)
    mlflow(
        project, "POST", "runs/log-metric",
        {"run_id": gone, "key": "loss", "value": 1, "timestamp": 1, "step": 0},
    )  # fmt: skip
    # Deleted it can be restored, and nothing of it goes.
    maru("runs", "rm", gone)
    assert collect(own_server)["files_removed"] == 0
    maru("runs", "restore", gone)
    maru("runs", "rm", gone, "--permanently")
    project.get(f"/runs/{gone}", status=404)
    dry = maru.json("gc", "--dry-run", "--grace", "0")
    assert (dry["files_removed"], dry["bytes_freed"]) == (1, len(own))
    assert digest(own) in blobs(own_server)
    done = maru.json("gc", "--grace", "0")
    assert (done["files_removed"], done["bytes_freed"]) == (1, len(own))
    assert done["bytes_kept"] == len(shared)
    assert blobs(own_server) == {digest(shared)}
    assert project.get(f"/runs/{stays}/artifacts")["items"][0]["path"] == "shared.bin"
    with own_server.client() as client:
        assert client.get("/api/v1/collection").json()["last"]["bytes_freed"] == len(own)
    assert "Freed 0" in maru("gc", "--grace", "0").stdout


def test_what_was_deleted_goes_after_its_time(own_server: Server, tmp_path: Path) -> None:
    project, strict = own_server.new_project(), own_server.new_project()
    strict.request("PUT", "/retention", {"keep_deleted_s": 0})
    files = {one: os.urandom(1000) for one in (project.name, strict.name)}
    runs = {}
    for one in (project, strict):
        runs[one.name] = new_run(one, {"a.bin": files[one.name]})
        one.delete(f"/runs/{runs[one.name]}")
    dry = collect(own_server, dry_run=True)
    assert (dry["removed"]["runs"], dry["files_removed"]) == (1, 1)
    done = collect(own_server)
    assert (done["removed"]["runs"], done["files_removed"]) == (1, 1)
    assert blobs(own_server) == {digest(files[project.name])}
    project.get(f"/runs/{runs[project.name]}")
    strict.get(f"/runs/{runs[strict.name]}", status=404)
    maru = CommandLine(own_server, tmp_path, project.name)
    assert "30 d" in maru("retention").stdout
    assert maru.json("retention", "--set", "14d")["keep_deleted_s"] == 14 * 86400
    maru("retention", "--reset")
    assert maru.json("retention", "--server", "--set", "0s") == {
        "keep_deleted_s": 0, "inherited": False
    }  # fmt: skip
    assert collect(own_server)["removed"]["runs"] == 1
    assert blobs(own_server) == set()


def test_experiments_and_logged_models_go_with_all_they_hold(own_server: Server) -> None:
    project = own_server.new_project()
    experiment = mlflow(project, "POST", "experiments/create", {"name": "e"})["experiment_id"]
    run = mlflow(project, "POST", "runs/create", {"experiment_id": experiment})
    put_artifact(project, f"{experiment}/{run['run']['info']['run_id']}/artifacts/a", b"a" * 10)
    logged = [
        mlflow(project, "POST", "logged-models", {"experiment_id": experiment, "name": "m"})[
            "model"
        ]["info"]["model_id"]
        for _ in range(2)
    ]
    for model, content in zip(logged, (b"first", b"second"), strict=True):
        put_artifact(project, f"{experiment}/models/{model}/artifacts/MLmodel", content)
    register(project, "iris", f"models:/{logged[0]}")
    mlflow(project, "POST", "experiments/delete", {"experiment_id": experiment})
    done = collect(own_server, keep_deleted_s=0)
    # A registered model is made of one of them: that and its experiment stay.
    assert done["removed"]["runs"] == 1
    assert done["removed"]["experiments"] == 0
    assert blobs(own_server) == {digest(b"first")}
    assert project.get("/models/iris/versions/1")["size_bytes"] == len(b"first")
    project.delete("/models/iris/versions/1")
    assert collect(own_server, keep_deleted_s=0)["removed"]["experiments"] == 1
    assert blobs(own_server) == set()
    # Its id is not given to another.
    again = mlflow(project, "POST", "experiments/create", {"name": "e"})["experiment_id"]
    assert int(again) > int(experiment)


def test_a_run_that_a_model_is_made_of_stays(own_server: Server) -> None:
    project = own_server.new_project()
    run = new_run(project, {"model/MLmodel": MLMODEL.encode()})
    register(project, "iris", f"runs:/{run}/model")
    project.post(f"/runs/{run}/remove", {}, status=400)
    project.delete(f"/runs/{run}")
    assert collect(own_server, keep_deleted_s=0)["removed"]["runs"] == 0
    assert project.get("/models/iris/versions/1/contents")["mlflow_version"] == "3.17.0"
    project.post("/models/iris/versions/1/remove", {})
    assert collect(own_server, keep_deleted_s=0)["removed"]["runs"] == 1
    assert blobs(own_server) == set()


def test_code_that_jobs_ran_stays(own_server: Server) -> None:
    project = own_server.project()
    code = b"print(1)\n"
    project.request("PUT", f"/blobs/{digest(code)}", content=code)
    snapshot = project.post(
        "/code-snapshots",
        {"files": [{"path": "a.py", "sha256": digest(code), "size_bytes": len(code)}]},
    )["id"]
    job = project.run("python3", "a.py", code=snapshot)
    project.wait(job)
    unused = b"never run"
    project.request("PUT", f"/blobs/{digest(unused)}", content=unused)
    # Code that was uploaded within the last day waits for its job.
    done = collect(own_server, keep_deleted_s=0)
    assert done["files_removed"] == 0
    assert blobs(own_server) == {digest(code), digest(unused), snapshot}
    assert project.wait(project.post(f"/jobs/{job}/retry", {})["id"])["state"] == "succeeded"


def test_who_may(own_server: Server) -> None:
    with own_server.client() as client:
        body = {"name": "dora", "display_name": "", "password": "correct horse battery"}
        assert client.post("/api/v1/users", json=body).status_code == 200
        client.put("/api/v1/projects/default/members/dora", json={"role": "developer"})
    import httpx

    with httpx.Client(base_url=own_server.url, auth=("dora", body["password"])) as dora:
        assert dora.post("/api/v1/collection", json={}).status_code == 403
        assert dora.put("/api/v1/retention", json={"keep_deleted_s": 0}).status_code == 403
        path = "/api/v1/projects/default"
        assert dora.put(f"{path}/retention", json={"keep_deleted_s": 0}).status_code == 403
        assert dora.get(f"{path}/retention").json()["inherited"] is True
        run = new_run(own_server.project(), {})
        assert dora.post(f"{path}/runs/{run}/remove", json={}).status_code == 403


@pytest.mark.parametrize("kills", [4])
def test_uploads_beside_the_collector_survive_kill_9(own_server: Server, kills: int) -> None:
    """The same few contents come, go and come again, while files are collected without grace."""
    project = own_server.new_project()
    contents = [bytes([letter]) * 2000 for letter in b"abcd"]
    acknowledged: dict[str, bytes] = {}
    lock, stop = threading.Lock(), threading.Event()
    problems: list[str] = []

    def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            content = contents[(number + writer) % len(contents)]
            path = f"0/{writer}/{number % 7}.bin"
            with lock:
                # What is overwritten or unanswered may be the old or the new.
                acknowledged.pop(path, None)
            try:
                put_artifact(project, path, content)
                with lock:
                    acknowledged[path] = content
                if number % 3 == 0:
                    with lock:
                        acknowledged.pop(path)
                    with own_server.client() as client:
                        client.delete(
                            f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{path}"
                        )
            except AssertionError as error:
                if "503" not in str(error):
                    problems.append(str(error))
            except Exception:  # the server was killed
                time.sleep(0.02)

    def collect_on() -> None:
        while not stop.is_set():
            try:
                collect(own_server)
            except AssertionError as error:
                if "503" not in str(error):
                    problems.append(str(error))
            except Exception:
                time.sleep(0.02)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(3)]
    threads.append(threading.Thread(target=collect_on))
    for thread in threads:
        thread.start()
    try:
        for _ in range(kills):
            time.sleep(0.7)  # work to kill in the middle of
            own_server.kill()
            own_server.start()
        time.sleep(0.7)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not problems
    collect(own_server)
    assert acknowledged
    with own_server.client() as client:
        for path, content in acknowledged.items():
            answer = client.get(f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{path}")
            assert answer.content == content, f"{path}: {answer.status_code} {answer.text[:200]}"
    listed = {digest(content) for content in acknowledged.values()}
    assert blobs(own_server) <= {digest(content) for content in contents}
    assert listed <= blobs(own_server)
