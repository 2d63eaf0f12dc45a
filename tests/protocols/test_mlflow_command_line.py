"""The commands of `mlflow` that talk to a server; in this process, as each start takes seconds."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from click.testing import CliRunner
from maru_server import Project, Server
from mlflow.cli import cli
from protocols.mlflow_project import mlflow_project
from sklearn.linear_model import LinearRegression

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def project(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    with mlflow_project(server) as made:
        mlflow.tracing.reset()
        # The client notes the experiment here, and the commands would take it for an option.
        os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
        yield made
        mlflow.tracing.reset()


def run(*words: str, code: int = 0) -> str:
    """What `mlflow WORDS` prints."""
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == code, f"mlflow {' '.join(words)}: {result.output}{result.exception}"
    return result.stdout


def run_json(*words: str) -> Any:
    """The JSON that `mlflow WORDS` prints, maybe after lines about runs that have ended."""
    printed = run(*words)
    found = re.search(r"^[{\[]", printed, re.MULTILINE)
    assert found, printed
    return json.loads(printed[found.start() :])


def test_experiments(tmp_path: Path) -> None:
    assert "with id 1" in run("experiments", "create", "-n", "one")
    listed = run("experiments", "search")
    assert re.search(r"\b0 +Default +mlflow-artifacts:/", listed), listed
    assert re.search(r"\b1 +one +mlflow-artifacts:/", listed), listed
    run("experiments", "rename", "-x", "1", "--new-name", "uno")
    shown = run_json("experiments", "get", "--experiment-name", "uno", "--output", "json")
    assert (shown["experiment_id"], shown["lifecycle_stage"]) == ("1", "active")
    assert "uno" in run("experiments", "get", "-x", "1")
    run("experiments", "update", "-x", "1", "--trace-archival-retention", "30d")
    tags = run_json("experiments", "get", "-x", "1", "--output", "json")["tags"]
    assert json.loads(tags["mlflow.trace.archivalRetention"])["value"] == "30d", tags
    run("experiments", "delete", "-x", "1")
    assert "uno" not in run("experiments", "search")
    assert "uno" in run("experiments", "search", "--view", "deleted_only")
    run("experiments", "restore", "-x", "1")
    assert "uno" in run("experiments", "search", "--max-results", "5")
    run("experiments", "get", "--experiment-name", "none", code=1)

    mlflow.set_experiment(experiment_id="1")
    for depth in range(3):
        with mlflow.start_run():
            mlflow.log_param("depth", depth)
    run("experiments", "csv", "-x", "1", "-o", "runs.csv")
    table = pd.read_csv(tmp_path / "runs.csv")
    assert sorted(table["params.depth"]) == [0, 1, 2]


def test_runs() -> None:
    made = run_json(
        "runs", "create", "--experiment-name", "two", "--run-name", "parent",
        "--description", "why", "--tags", "team=x", "--status", "FAILED",
    )  # fmt: skip
    parent = made["run_id"]
    child = run_json(
        "runs", "create", "--experiment-id", made["experiment_id"], "--parent-run-id", parent
    )["run_id"]
    shown = run_json("runs", "describe", "--run-id", parent)
    assert (shown["info"]["status"], shown["info"]["run_name"]) == ("FAILED", "parent")
    assert shown["data"]["tags"]["mlflow.note.content"] == "why"
    assert shown["data"]["tags"]["team"] == "x"
    tags = run_json("runs", "describe", "--run-id", child)["data"]["tags"]
    assert tags["mlflow.parentRunId"] == parent
    run("runs", "delete", "--run-id", child)
    listed = run("runs", "list", "--experiment-id", made["experiment_id"])
    assert parent in listed
    assert child not in listed
    deleted = run(
        "runs", "list", "--experiment-id", made["experiment_id"], "--view", "deleted_only"
    )
    assert child in deleted
    run("runs", "restore", "--run-id", child)
    assert child in run("runs", "list", "--experiment-id", made["experiment_id"])
    run("runs", "describe", "--run-id", "f" * 32, code=1)


def test_artifacts(tmp_path: Path) -> None:
    run_id = run_json("runs", "create", "--experiment-id", "0")["run_id"]
    (tmp_path / "files/deep").mkdir(parents=True)
    (tmp_path / "files/top.txt").write_text("top")
    (tmp_path / "files/deep/low.txt").write_text("low")
    run("artifacts", "log-artifact", "-l", "files/top.txt", "-r", run_id)
    run("artifacts", "log-artifacts", "-l", "files", "-r", run_id, "-a", "all")
    listed = run_json("artifacts", "list", "-r", run_id)
    assert listed == [
        {"path": "all", "is_dir": True},
        {"path": "top.txt", "is_dir": False, "file_size": 3},
    ]
    below = run_json("artifacts", "list", "-r", run_id, "-a", "all")
    assert [file["path"] for file in below] == ["all/deep", "all/top.txt"]
    path = run("artifacts", "download", "-r", run_id, "-a", "all", "-d", "down").strip()
    assert (Path(path) / "deep/low.txt").read_text() == "low"
    uri = f"runs:/{run_id}/top.txt"
    path = run("artifacts", "download", "-u", uri, "-d", "down").strip()
    assert Path(path).read_text() == "top"


def test_models(tmp_path: Path) -> None:
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            LinearRegression().fit([[1.0], [2.0]], [2.0, 4.0]),
            name="model",
            registered_model_name="line",
            pip_requirements=["scikit-learn"],
        )
    (tmp_path / "input.json").write_text('{"inputs": [[3.0]]}')
    run(
        "models", "predict", "-m", "models:/line/1", "-i", "input.json", "-o", "output.json",
        "--env-manager", "local",
    )  # fmt: skip
    [answer] = json.loads((tmp_path / "output.json").read_text())["predictions"]
    assert answer == pytest.approx(6)
    run("models", "generate-dockerfile", "-m", "models:/line/1", "-d", "image")
    assert "FROM" in (tmp_path / "image/Dockerfile").read_text()
    run("models", "update-pip-requirements", "-m", info.model_uri, "add", "numpy")
    requirements = mlflow.pyfunc.get_model_dependencies(info.model_uri)
    assert set(Path(requirements).read_text().split()) >= {"scikit-learn", "numpy"}


def test_traces() -> None:
    for question in ("cats", "dogs"):
        with mlflow.start_span(question):
            mlflow.update_current_trace(tags={"topic": question})
    listed = run_json("traces", "search", "--experiment-id", "0", "--output", "json")
    assert len(listed["traces"]) == 2, listed
    one = run_json(
        "traces", "search", "--experiment-id", "0", "--output", "json",
        "--filter-string", "tags.topic = 'cats'", "--order-by", "timestamp_ms DESC",
    )["traces"]  # fmt: skip
    trace = one[0]["info"]["trace_id"]
    assert trace in run("traces", "search", "--experiment-id", "0")
    assert run_json("traces", "get", "--trace-id", trace)["data"]["spans"][0]["name"] == "cats"
    run("traces", "set-tag", "--trace-id", trace, "--key", "k", "--value", "v")
    assert run_json("traces", "get", "--trace-id", trace)["info"]["tags"]["k"] == "v"
    run("traces", "delete-tag", "--trace-id", trace, "--key", "k")
    assert "k" not in run_json("traces", "get", "--trace-id", trace)["info"]["tags"]

    said = run(
        "traces", "log-feedback", "--trace-id", trace, "--name", "good", "--value", "0.5",
        "--source-type", "HUMAN", "--source-id", "ada", "--rationale", "so so",
    )  # fmt: skip
    [assessment] = re.findall(r"a-\w+", said)
    words = ("--trace-id", trace, "--assessment-id", assessment)
    shown = run_json("traces", "get-assessment", *words)
    assert (shown["assessment_name"], shown["feedback"]["value"]) == ("good", 0.5), shown
    run("traces", "update-assessment", *words, "--value", "1.0", "--rationale", "better")
    assert run_json("traces", "get-assessment", *words)["rationale"] == "better"
    run("traces", "delete-assessment", *words)
    run("traces", "get-assessment", *words, code=1)
    run("traces", "log-expectation", "--trace-id", trace, "--name", "right", "--value", '"yes"')
    [left] = run_json("traces", "get", "--trace-id", trace)["info"]["assessments"]
    assert left["expectation"]["value"] == "yes", left

    made = run_json("runs", "create", "--experiment-id", "0")["run_id"]
    run("runs", "link-traces", "--run-id", made, "-t", trace)
    linked = run_json(
        "traces", "search", "--experiment-id", "0", "--run-id", made, "--output", "json"
    )
    assert [found["info"]["trace_id"] for found in linked["traces"]] == [trace]
    run("traces", "delete", "--experiment-id", "0", "--trace-ids", trace)
    left_over = run_json("traces", "search", "--experiment-id", "0", "--output", "json")
    assert len(left_over["traces"]) == 1
