"""What the portal's tests look at: a server of their own that real clients have used."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import matplotlib.image
import mlflow
import numpy as np
from maru_server import Project, Server
from mlflow.entities import Metric, Param
from portal.browser import PASSWORD, USER
from protocols.mlflow_project import mlflow_project, traced
from protocols.test_oip import affine_model

TICKING = 'i=0; while :; do i=$((i+1)); echo "step $i"; sleep 0.2; done'
FAILING = """
import sys
for epoch in range(3):
    print(f"epoch {epoch}")
raise FloatingPointError("loss is NaN")
"""


# As Plotly writes a page whose library is to come from the internet; mlflow.log_figure does so.
PLOTLY_PAGE = """<html><body><div id="one"></div>
<script charset="utf-8" src="https://cdn.plot.ly/plotly-3.0.0.min.js"></script>
<script>Plotly.newPlot("one", [{"type":"bar","x":["a","b"],"y":[3,5]}],
{"title":{"text":"Drawn here"}}, {"responsive": true})</script></body></html>"""
NOTES = "# Notes\n\nA **sweep** over `depth`.\n\n- one\n- two\n\n[bad](javascript:alert(1))\n"


# Logs through MLflow's protocol with nothing but Python's own library.
TRAINING = """import argparse, json, os, urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
options = parser.parse_args()
base = f'{os.environ["MARU_URL"]}/p/{os.environ["MARU_PROJECT"]}/api/2.0'
run = os.environ["MARU_RUN_ID"]


def call(method, path, body=None):
    headers = {"Authorization": "Bearer " + os.environ["MARU_TOKEN"],
               "Content-Type": "application/json"}
    request = urllib.request.Request(base + path, data=body, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=60).read()


metrics = [{"key": "loss", "value": options.lr / (step + 1), "timestamp": step, "step": step}
           for step in range(10)]
metrics.append({"key": "pid", "value": os.getpid() + os.urandom(1)[0], "timestamp": 0, "step": 0})
params = [{"key": "lr", "value": str(options.lr)}]
body = {"run_id": run, "metrics": metrics, "params": params}
call("POST", "/mlflow/runs/log-batch", json.dumps(body).encode())
uri = json.loads(call("GET", f"/mlflow/runs/get?run_id={run}"))["run"]["info"]["artifact_uri"]
root = "/mlflow-artifacts/artifacts/" + uri.split(":", 1)[1].strip("/")
call("PUT", root + "/weights.txt", str(options.lr).encode())
call("PUT", root + "/random.bin", os.urandom(8))
print("done")
"""


@dataclass(frozen=True)
class Workspace:
    """Names and ids of what the seeded project holds."""

    server: Server
    project: Project
    succeeded_job: str
    failed_job: str
    killed_job: str
    running_job: str
    model_run: str
    runs: tuple[str, ...]
    nested: tuple[str, ...]  # a parent, its three children, and one alone
    traces: tuple[str, ...]
    job_runs: tuple[str, ...]  # of two jobs whose code differs, and a reproduction of the first

    @property
    def path(self) -> str:
        return f"/{self.project.name}"


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Start a server and fill a project; takes some seconds."""
    with Server() as server, mlflow_project(server) as project:
        with server.client() as client:
            user = {"name": USER, "display_name": "Ada", "password": PASSWORD, "admin": True}
            answer = client.post("/api/v1/users", json=user)
            assert answer.status_code == 200, answer.text
        jobs = {
            "succeeded_job": project.run("echo", "hello", name="hello"),
            "failed_job": project.run("python3", "-c", FAILING, name="diverging"),
            "killed_job": project.run(
                "python3", "-c", "held = bytearray(512 << 20)", name="memory-hog",
                resources={"cpu_milli": 100, "memory_mib": 64},
            ),
            "running_job": project.run("sh", "-c", TICKING, name="ticking"),
        }  # fmt: skip
        project.post("/environments", {"requirements": "", "name": "bare"})
        project.post("/environments", {"requirements": "no-such-package-here==1", "name": "wrong"})
        for version in ("1.1.1", "2.0.0"):
            body = {"requirements": f"iniconfig=={version}", "name": f"iniconfig-{version[0]}"}
            project.post("/environments", body)
        runs = _log_runs(server.folder)
        nested = _log_nested_runs()
        model_run = _register_models()
        _govern_models(project)
        _give_permissions(server, project)
        traces = _log_traces(runs[0])
        project.post("/endpoints", {"name": "affine", "model": "affine/1"})
        job_runs = _run_jobs(project)
        for name in ("succeeded_job", "failed_job", "killed_job"):
            project.wait(jobs[name])
        project.wait_for_log(jobs["running_job"], "step 1\n")
        yield Workspace(
            server, project, model_run=model_run, runs=runs, nested=nested, traces=traces,
            job_runs=job_runs, **jobs
        )  # fmt: skip


CARD = """# Affine

Doubles each number and adds one. For tests of the platform, **not** for decisions.

| Version | Kept for |
|---|---|
| 1 | comparison |
| 2 | use |
"""


def _govern_models(project: Project) -> None:
    """A card, and an alias that moves with approval only, with an open request."""
    project.request("PUT", "/models/affine/card", {"text": CARD, "version": 2})
    project.request("PUT", "/model-approval-rules", {"model": "affine", "aliases": ["gold*"]})
    request = {"model": "affine", "target": "gold", "version": 2, "comment": "Better on all data"}
    project.post("/model-requests", request)


def _give_permissions(server: Server, project: Project) -> None:
    """A viewer, and a person who is no member, with permissions on single things and on all."""
    with server.client() as client:
        for name in ("vera", "a-guest-with-a-rather-long-name"):
            user = {"name": name, "display_name": name, "password": PASSWORD}
            answer = client.post("/api/v1/users", json=user)
            assert answer.status_code == 200, answer.text
    project.request("PUT", "/members/vera", {"role": "viewer"})
    for name, kind, resource, permission in (
        ("vera", "experiment", "nested", "EDIT"),
        ("a-guest-with-a-rather-long-name", "experiment", "nested", "READ"),
        ("a-guest-with-a-rather-long-name", "registered_model", "affine", "READ"),
        ("vera", "registered_model", "*", "USE"),
    ):
        body = {"user": name, "kind": kind, "resource": resource, "permission": permission}
        project.request("PUT", "/permissions", body)


def _run_jobs(project: Project) -> tuple[str, ...]:
    """Runs of jobs: their code, parameters and seed are on record."""
    codes = (
        {"train.py": TRAINING, "old.py": "GONE = True\n"},
        {"train.py": TRAINING.replace("range(10)", "range(12)"), "features.py": "WIDTH = 3\n"},
    )
    runs = []
    named = (("forest-a", "iniconfig-1"), ("forest-b", "iniconfig-2"))
    for (name, environment), files in zip(named, codes, strict=True):
        job = project.run(
            "python3", "train.py", "--lr", "0.5",
            name=name,
            code=project.upload_code(files),
            environment=environment,
            experiment="forest",
            parameters={"seed": "1"},
            variables={"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "2"},
        )  # fmt: skip
        assert project.wait(job)["state"] == "succeeded", project.log(job)
        runs.append(str(project.get(f"/jobs/{job}")["run_id"]))
    again = project.post(f"/runs/{runs[0]}/reproduce", {})
    project.wait(again["id"])
    return (*runs, str(again["run_id"]))


def _log_runs(folder: Path) -> tuple[str, ...]:
    """Twelve runs of two parameters, with curves; the first has artifacts of every kind shown."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("iris")
    ids = []
    for number in range(12):
        run = client.create_run(experiment, run_name=f"iris-{number}").info.run_id
        rate = 0.1 / (number + 1)
        points = [
            Metric(key, value, 1_700_000_000_000 + step * 250, step)
            for step in range(60)
            for key, value in (
                ("loss", math.exp(-rate * step) + number / 100),
                ("accuracy", 1 - math.exp(-rate * step) / 2),
            )
        ]
        parameters = [Param("learning_rate", f"{rate:.4f}"), Param("depth", str(3 + number % 3))]
        client.log_batch(run, points, parameters)
        ids.append(run)
    first = ids[0]
    client.set_tag(first, "mlflow.note.content", "The first of the sweep.")
    client.log_text(first, "petal,sepal\n1.5,2.5\n3.5,4.5\n", "predictions.csv")
    client.log_dict(first, {"labels": ["setosa", "virginica"]}, "labels.json")
    client.log_text(first, "<h1>A report</h1><script>parent.hurt = 1</script>", "report.html")
    client.log_text(first, PLOTLY_PAGE, "figure.html")
    client.log_text(first, NOTES, "notes.md")
    client.log_text(first, 'def train():\n    return "done"  # quickly\n', "train.py")
    client.log_dict(first, {"columns": ["q", "a"], "data": [["one?", 1]]}, "answers.json")
    for number in range(30):
        client.log_text(first, str(number), f"many/part-{number:03}.txt")
    picture = folder / "confusion.png"
    matplotlib.image.imsave(picture, np.eye(32))
    client.log_artifact(first, str(picture), "plots")
    for run in ids:
        client.set_terminated(run)
    return tuple(ids)


def _log_nested_runs() -> tuple[str, ...]:
    """Metrics in sections, those of the system among them, in runs of which some are nested."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("nested")
    ids: list[str] = []
    for name in ("parent", "child-0", "child-1", "child-2", "alone"):
        tags = {"mlflow.parentRunId": ids[0]} if name.startswith("child") else {}
        run = client.create_run(experiment, run_name=name, tags=tags).info.run_id
        metrics = [
            Metric(key, len(ids) + step / 10, 1_700_000_000_000 + step * 1000, step)
            for key in ("train/loss", "eval/loss", "system/cpu_utilization_percentage")
            for step in range(20)
        ]
        client.log_batch(run, metrics, [Param("kind", "a" if len(ids) % 2 else "b")])
        client.set_terminated(run)
        ids.append(run)
    return tuple(ids)


def _log_traces(run: str) -> tuple[str, ...]:
    """Conversations in an experiment of their own; the first failed, the second is assessed."""
    mlflow.tracing.reset()
    mlflow.set_experiment("assistant")

    @traced(span_type="RETRIEVER")
    def retrieve(question: str) -> list[str]:
        return [f"a page about {question}", "한글 문서"]

    @traced(span_type="LLM", attributes={"temperature": 0.2})
    def complete(question: str, documents: list[str]) -> dict[str, object]:
        span = mlflow.get_current_active_span()
        assert span is not None
        usage = {"input_tokens": 1200, "output_tokens": 80, "total_tokens": 1280}
        span.set_attribute("mlflow.chat.tokenUsage", usage)
        if "fails" in question:
            raise TimeoutError("the model did not answer within 30 s")
        return {"messages": [{"role": "assistant", "content": f"{len(documents)} pages"}]}

    @traced(name="ask")
    def ask(question: str) -> object:
        mlflow.update_current_trace(tags={"team": "search"})
        return complete(question, retrieve(question))

    ids = []
    for question in ("what fails", "트레이스란 무엇인가요?", "how long is it"):
        with suppress(TimeoutError):
            ask(question)
        ids.append(str(mlflow.get_last_active_trace_id()))
    mlflow.flush_trace_async_logging()
    mlflow.log_feedback(trace_id=ids[1], name="correct", value=True, rationale="It is right.")
    mlflow.log_expectation(trace_id=ids[1], name="answer", value="a tree of spans")
    mlflow.MlflowClient().link_traces_to_run(ids, run)
    return tuple(ids)


def _register_models() -> str:
    """Two versions of a model; the run of the newer one."""
    mlflow.set_experiment("models")
    example = np.array([[1, 2, 3]], dtype=np.float32)
    for _ in range(2):
        with mlflow.start_run(run_name="affine") as run:
            mlflow.onnx.log_model(
                affine_model(), name="model", registered_model_name="affine", input_example=example
            )
    mlflow.MlflowClient().set_registered_model_alias("affine", "champion", "1")
    return str(run.info.run_id)
