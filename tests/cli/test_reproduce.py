"""Runs made again: `maru fork`, `maru reproduce` and `maru compare`, with real jobs."""

import json
from pathlib import Path
from typing import Any

import pytest
from maru_server import CommandLine, Project

SMALL = ("--cpus", "0.1", "--memory", "256MiB")

# Logs through MLflow's protocol with nothing but Python's own library.
TRAINING = """
import argparse, json, os, urllib.request
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--noise", action="store_true")
options = parser.parse_args()
given = json.loads(os.environ["MARU_PARAMETERS"])
base = f'{os.environ["MARU_URL"]}/p/{os.environ["MARU_PROJECT"]}/api/2.0'
run = os.environ["MARU_RUN_ID"]
def call(method, path, body):
    request = urllib.request.Request(base + path, data=body, method=method,
        headers={"Authorization": "Bearer " + os.environ["MARU_TOKEN"],
                 "Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60).read()
metrics = [{"key": "loss", "value": options.lr / (step + 1), "timestamp": step, "step": step}
           for step in range(10)]
if options.noise:
    metrics[7]["value"] += int.from_bytes(os.urandom(4), "big") + 1
call("POST", "/mlflow/runs/log-batch",
     json.dumps({"run_id": run, "metrics": metrics}).encode())
files = f"/mlflow-artifacts/artifacts/EXPERIMENT/{run}/artifacts"
uri = json.loads(call("GET", f"/mlflow/runs/get?run_id={run}", None))["run"]["info"]["artifact_uri"]
root = "/mlflow-artifacts/artifacts/" + uri.split(":", 1)[1].strip("/")
call("PUT", root + "/weights.txt", f"{options.lr} {given.get('seed')}".encode())
call("PUT", root + "/random.bin", os.urandom(8) if options.noise else b"same")
print("done", options.lr, given.get("seed"))
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "train.py").write_text(TRAINING.replace("/EXPERIMENT/", "/0/"))
    return folder


def run_job(maru: CommandLine, work: Path, *arguments: str) -> Any:
    lines = maru("run", "--json", *SMALL, *arguments, cwd=work).stdout.splitlines()
    ended = json.loads(lines[-1])["job"]
    assert ended["state"] == "succeeded", lines
    return ended


def run_of(project: Project, run: str) -> Any:
    return project.get(f"/runs/{run}")


def test_a_fork_changes_a_parameter(maru: CommandLine, project: Project, work: Path) -> None:
    first = run_job(maru, work, "--param", "seed=1", "--", "python3", "train.py", "--lr", "0.5")
    change = ("--param", "lr=0.25", "--param", "seed=7")
    planned = maru("fork", first["run_id"], *change, "--dry-run")
    assert planned.stdout == "python3 train.py --lr 0.25\n"
    planned_job = maru.json("fork", first["run_id"], *change, "--dry-run")
    assert (planned_job["id"], planned_job["parameters"]) == ("", {"seed": "7"})
    assert len(project.get("/jobs")["items"]) == 1
    done = maru("fork", first["run_id"], *change, "--name", "b")
    assert done.stdout == "done 0.25 7\n"
    job = project.get("/jobs")["items"][0]
    assert job["name"] == "b"
    assert job["command"] == ["python3", "train.py", "--lr", "0.25"]
    assert job["code"] == first["code"]
    assert job["resources"] == first["resources"]
    run = run_of(project, job["run_id"])
    assert run["tags"]["maru.forked_from"] == first["run_id"]
    assert run["metrics"]["loss"]["value"] == 0.025
    assert run["parameters"] == {"seed": "7"}
    assert "CPUs" in run["tags"]["maru.machine"]

    compared = maru.json("compare", first["run_id"], job["run_id"])
    assert compared["identical"] is False
    assert compared["parameters"] == [{"key": "seed", "left": "1", "right": "7"}]
    assert [origin["key"] for origin in compared["origin"]] == ["command"]
    (loss,) = compared["metrics"]
    assert (loss["left"], loss["right"], loss["difference"]) == (0.05, 0.025, -0.025)
    assert (loss["points"], loss["points_differing"]) == (10, 10)
    assert loss["largest_difference"] == 0.25
    assert [(o["path"], o["identical"]) for o in compared["outputs"]] == [
        ("random.bin", True),
        ("weights.txt", False),
    ]


def test_a_reproduction_says_what_is_identical(
    maru: CommandLine, project: Project, work: Path
) -> None:
    first = run_job(maru, work, "--experiment", "again", "--", "python3", "train.py")
    done = maru("reproduce", first["run_id"])
    assert done.stdout.startswith("done 0.1 None\n")
    assert "All metrics and outputs are identical." in done.stdout
    again = project.get("/jobs")["items"][0]
    run = run_of(project, again["run_id"])
    assert run["tags"]["maru.reproduces"] == first["run_id"]
    assert run["experiment_name"] == "again"

    noisy = run_job(maru, work, "--", "python3", "train.py", "--noise")
    lines = maru("reproduce", noisy["run_id"], "--json").stdout.splitlines()
    comparison = json.loads(lines[-1])["comparison"]
    assert comparison["identical"] is False
    assert comparison["origin"] == []
    (loss,) = comparison["metrics"]
    assert loss["points_differing"] == 1
    assert [o["path"] for o in comparison["outputs"] if not o["identical"]] == ["random.bin"]


def test_what_cannot_be_made_again(maru: CommandLine, project: Project, work: Path) -> None:
    first = run_job(maru, work, "--", "python3", "train.py")
    refused = maru("fork", first["run_id"], "--param", "depth=3", code=2)
    assert 'parameters.depth: the run\'s command does not name it ("python3 train.py")' in (
        refused.stderr
    )
    maru("fork", "0" * 32, code=3)
    with project.server.client() as client:
        made = client.post(
            f"/p/{project.name}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}
        ).json()
    run = made["run"]["info"]["run_id"]
    refused = maru("reproduce", run, code=1)
    assert "was not made by a job" in refused.stderr
    maru("compare", run, "0" * 32, code=3)


def test_runs_that_ended_differently_are_not_identical(maru: CommandLine, project: Project) -> None:
    """Even where neither has anything to compare."""
    good, bad = (project.wait(project.run(program))["run_id"] for program in ("true", "false"))
    assert not project.get(f"/runs/{good}/comparison", other=bad)["identical"]
    assert "Neither run has metrics or outputs" in maru("compare", good, bad).stdout
