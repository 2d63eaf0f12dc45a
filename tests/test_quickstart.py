"""The quickstart and the other examples: an unmodified MLflow script becomes an endpoint."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from maru_server import ROOT, CommandLine, Project, Server
from sklearn.datasets import load_breast_cancer, load_digits

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def quickstart(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The example's folder, for the default project."""
    folder = tmp_path_factory.mktemp("home") / "quickstart"
    shutil.copytree(ROOT / "examples/quickstart", folder)
    yield CommandLine(server, folder)
    remove_endpoints(server.project())


def remove_endpoints(project: Project) -> None:
    """They hold cores that the jobs of other tests wait for."""
    for endpoint in project.get("/endpoints")["items"]:
        project.delete(f"/endpoints/{endpoint['name']}")


@pytest.fixture
def own_project(server: Server, maru: CommandLine) -> Iterator[CommandLine]:
    """A project whose endpoints go with the test."""
    yield maru
    remove_endpoints(server.project(maru.variables["MARU_PROJECT"]))


@pytest.fixture(scope="module")
def trained(quickstart: CommandLine) -> str:
    """The log of the run that has trained and registered the model."""
    return quickstart(
        "run", "--name", "digits", "--experiment", "digits", "--env", "requirements.txt",
        "--", "python", "train.py",
        timeout=500,
    ).stdout  # fmt: skip


def test_training_is_followed_and_recorded(server: Server, trained: str) -> None:
    assert re.search(r"epoch +40 +loss 0\.\d+ +accuracy 0\.\d+", trained)
    project = server.project()
    runs = project.get("/runs", experiment="digits")["items"]
    [run] = [run for run in runs if "validation_accuracy" in run["metrics"]]
    assert run["status"] == "FINISHED"
    assert run["metrics"]["validation_accuracy"]["value"] > 0.9
    assert run["parameters"]["hidden"] == "64"
    history = project.get(f"/runs/{run['id']}/metrics/loss")
    assert [point["step"] for point in history["points"]] == list(range(1, 41))
    [job] = [job for job in project.get("/jobs")["items"] if job["name"] == "digits"]
    assert job["run_id"] == run["id"]
    files = project.get(f"/runs/{run['id']}/artifacts")["items"]
    assert "held_out.json" in {file["path"] for file in files}


def test_the_model_answers_rightly(quickstart: CommandLine, trained: str) -> None:
    assert trained
    version = quickstart.json("model", "show", "digits")["latest_version"]
    quickstart("deploy", f"digits/{version}", "--name", "digits", "--wait")
    result = subprocess.run(
        [sys.executable, "predict.py", "digits"],
        cwd=quickstart.home,
        env=quickstart.variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"accuracy (0\.\d+|1\.0+)", result.stdout)
    assert accuracy, result.stdout
    assert float(accuracy[1]) > 0.9


def test_a_wrong_shape_is_explained(server: Server, quickstart: CommandLine, trained: str) -> None:
    assert trained
    quickstart("deploy", "digits/1", "--name", "digits", "--wait")
    answer = httpx.post(
        f"{server.url}/p/default/endpoints/digits/invocations",
        json={"inputs": [[1.0, 2.0]]},
        headers={"Authorization": f"Bearer {server.token}"},
        timeout=60,
    )
    assert answer.status_code == 400
    assert "64" in answer.text


def train_and_deploy(maru: CommandLine, example: str, model: str, *options: str) -> Any:
    """Run an example, deploy what it has registered; the run that it left."""
    folder = maru.home / example
    shutil.copytree(ROOT / "examples" / example, folder)
    maru(
        "run", "--experiment", example, "--env", "requirements.txt", *options, "--",
        "python", "train.py", cwd=folder, timeout=1000,
    )  # fmt: skip
    [run] = maru.json("runs", "--experiment", example)["items"]
    assert run["status"] == "FINISHED"
    maru("deploy", f"{model}/1", "--name", model, *options, "--wait", timeout=1000)
    return run


def predictions(maru: CommandLine, model: str, body: object) -> Any:
    answer = maru("predict", model, "--input", "-", input=json.dumps(body))
    return json.loads(answer.stdout)["predictions"]


def test_xgboost(own_project: CommandLine) -> None:
    """Autolog alone: metrics a round, the model registered and served in its own environment."""
    run = train_and_deploy(own_project, "xgboost", "breast-cancer")
    assert run["metrics"]["test-logloss"]["value"] < 0.15
    assert run["parameters"]["max_depth"] == "4"
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    body = {"dataframe_split": json.loads(features.to_json(orient="split"))}
    probabilities = predictions(own_project, "breast-cancer", body)
    assert sum((p > 0.5) == label for p, label in zip(probabilities, labels, strict=True)) > 540


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pytorch(own_project: CommandLine) -> None:
    """PyPI's torch brings gigabytes of CUDA along, so this is not for every day."""
    run = train_and_deploy(own_project, "pytorch", "digits-torch", "--memory", "3GiB")
    assert run["metrics"]["validation_accuracy"]["value"] > 0.9
    assert run["parameters"]["device"] == "cpu"
    images, labels = load_digits(return_X_y=True)
    inputs = (images[:200].astype("float32") / 16).tolist()
    scores = np.array(predictions(own_project, "digits-torch", {"inputs": inputs}))
    assert (scores.argmax(axis=1) == labels[:200]).mean() > 0.9


def test_a_job_that_fails_says_so(maru: CommandLine) -> None:
    shutil.copytree(ROOT / "examples/failing", maru.home / "failing")
    result = maru("run", "--", "python3", "train.py", cwd=maru.home / "failing", code=3)
    assert "FloatingPointError: loss is NaN" in result.stdout


def test_a_job_that_takes_too_much_memory_is_ended_alone(maru: CommandLine) -> None:
    shutil.copytree(ROOT / "examples/memory-hog", maru.home / "hog")
    result = maru(
        "run", "--memory", "300MiB", "--cpus", "0.5", "--", "python3", "hog.py",
        cwd=maru.home / "hog", code=137,
    )  # fmt: skip
    assert "memory" in result.stderr
    assert "holding 128 MiB" in result.stdout


def test_a_job_that_ignores_the_request_to_stop_is_killed(
    server: Server, maru: CommandLine, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "examples/stubborn", tmp_path / "stubborn")
    project = server.project(maru.variables["MARU_PROJECT"])
    started = maru.start("run", "--json", "--", "python3", "stubborn.py", cwd=tmp_path / "stubborn")
    assert started.stdout is not None
    with started:
        for line in started.stdout:
            if "running" in line and '"log"' in line:
                break
        [job] = project.get("/jobs", state="active")["items"]
        project.post(f"/jobs/{job['id']}/stop", {})
        started.communicate(timeout=60)
    ended = project.wait(job["id"])
    assert ended["state"] == "stopped"
    assert "asked to stop; going on" in project.log(job["id"])
