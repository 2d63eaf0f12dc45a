"""Experiments, runs, metrics and search through the unmodified mlflow client."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
from maru_server import Project, Server
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException
from protocols.mlflow_project import mlflow_project


@pytest.fixture(autouse=True)
def project(server: Server) -> Iterator[Project]:
    with mlflow_project(server) as made:
        yield made


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


def test_a_run_from_start_to_end(project: Project, client: MlflowClient) -> None:
    experiment = mlflow.set_experiment("digits")
    assert experiment.experiment_id == "1"
    assert mlflow.set_experiment("digits").experiment_id == "1"
    with mlflow.start_run(run_name="first", tags={"team": "a"}) as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"width": 4, "name": "ä/ö"})
        for step in range(5):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"a": 1, "b": 2}, step=7)
        mlflow.set_tag("note", "hello")
    stored = client.get_run(run.info.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.info.run_name == "first"
    assert stored.info.end_time >= stored.info.start_time
    assert stored.data.params == {"depth": "3", "width": "4", "name": "ä/ö"}
    assert stored.data.metrics == {"loss": 0.2, "a": 1.0, "b": 2.0}
    assert stored.data.tags["team"] == "a"
    assert stored.data.tags["mlflow.runName"] == "first"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(s, 1.0 / (s + 1)) for s in range(5)]

    shown = project.get(f"/runs/{run.info.run_id}")
    assert shown["parameters"]["depth"] == "3"
    assert shown["metrics"]["loss"]["step"] == 4
    points = project.get(f"/runs/{run.info.run_id}/metrics/loss", points=4)
    assert points["total"] == 5
    assert project.get("/experiments")["items"][0]["run_count"] == 1


def test_a_failed_block_ends_its_run_as_failed(client: MlflowClient) -> None:
    with pytest.raises(ValueError, match="boom"), mlflow.start_run() as run:
        raise ValueError("boom")
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_a_run_is_resumed_and_nested(client: MlflowClient) -> None:
    with mlflow.start_run() as parent, mlflow.start_run(nested=True) as child:
        mlflow.log_metric("m", 1)
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    with mlflow.start_run(run_id=parent.info.run_id):
        assert client.get_run(parent.info.run_id).info.status == "RUNNING"
        mlflow.log_metric("m", 2)
    assert client.get_run(parent.info.run_id).info.status == "FINISHED"
    found = mlflow.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert list(found.run_id) == [child.info.run_id]


def test_special_values_of_metrics_survive(project: Project, client: MlflowClient) -> None:
    values = [math.nan, math.inf, -math.inf, 1e-300, -0.0]
    with mlflow.start_run() as run:
        for step, value in enumerate(values):
            mlflow.log_metric("m", value, step=-step)
        mlflow.log_metric("nan", math.nan)
    history = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "m")}
    assert math.isnan(history[0])
    assert [history[-1], history[-2], history[-3], history[-4]] == values[1:]
    assert math.isnan(client.get_run(run.info.run_id).data.metrics["nan"])
    assert project.get(f"/runs/{run.info.run_id}")["metrics"]["nan"]["value"] == "NaN"


def test_parameters_never_change() -> None:
    with mlflow.start_run():
        mlflow.log_param("depth", 3)
        mlflow.log_param("depth", 3)
        with pytest.raises(MlflowException, match="Changing param values is not allowed"):
            mlflow.log_param("depth", 5)
        with pytest.raises(MlflowException, match="Changing param values is not allowed"):
            mlflow.log_params({"width": 1, "depth": 5})


def test_a_large_batch(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        client.log_batch(
            run.info.run_id,
            metrics=[Metric(f"m{i % 10}", i, 1000 + i, i) for i in range(800)],
            params=[Param(f"p{i}", "x" * 6000) for i in range(100)],
            tags=[RunTag(f"t{i}", "v") for i in range(100)],
        )
    data = client.get_run(run.info.run_id).data
    assert len(data.params) == 100
    assert data.metrics["m9"] == 799
    client.log_param(run.info.run_id, "long", "é" * 6001)
    assert client.get_run(run.info.run_id).data.params["long"] == "é" * 6000


def test_histories_are_paged(client: MlflowClient) -> None:
    with mlflow.start_run() as run:
        for start in range(0, 3000, 1000):
            metrics = [Metric("m", i, i, i) for i in range(start, start + 1000)]
            client.log_batch(run.info.run_id, metrics=metrics)
    assert [m.step for m in client.get_metric_history(run.info.run_id, "m")] == list(range(3000))


def test_search(client: MlflowClient) -> None:
    experiment = client.create_experiment("search")
    runs = {}
    for name, accuracy, model in [("a", 0.5, "cnn"), ("b", 0.9, "rnn"), ("c", math.nan, "CNN")]:
        run = client.create_run(experiment, run_name=name, tags={"kind": f"{name}-kind"})
        client.log_metric(run.info.run_id, "acc", accuracy)
        client.log_param(run.info.run_id, "model", model)
        runs[run.info.run_id] = name

    def find(filter_string: str, *order_by: str) -> str:
        found = client.search_runs([experiment], filter_string, order_by=list(order_by))
        return "".join(runs[run.info.run_id] for run in found)

    assert find("metrics.acc > 0.6") == "b"
    assert find("metrics.`acc` >= 0.5", "metrics.acc DESC") == "ba"
    assert find("params.model = 'cnn'") == "a"
    assert find("params.model ILIKE '%cnn'", "params.model") == "ca"
    assert find("params.model LIKE '%cnn'") == "a"
    assert find("tags.kind != 'a-kind' and attributes.run_name = 'b'") == "b"
    assert find("attributes.status = 'RUNNING'", "attributes.run_name ASC") == "abc"
    assert find("", "metrics.acc ASC") == "abc"
    for bad in ["metrics.acc > 'x'", "what.acc = 1", "metrics.acc > 1 or metrics.acc < 0", "acc ="]:
        with pytest.raises(RestException) as error:
            client.search_runs([experiment], bad)
        assert error.value.error_code == "INVALID_PARAMETER_VALUE"


def test_search_is_paged(client: MlflowClient) -> None:
    experiment = client.create_experiment("paged")
    expected = [client.create_run(experiment).info.run_id for _ in range(23)]
    seen: list[str] = []
    token = None
    while True:
        page = client.search_runs([experiment], max_results=10, page_token=token)
        seen += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
    assert sorted(seen) == sorted(expected)
    assert len(mlflow.search_runs([experiment])) == 23


def test_experiments_are_searched_renamed_deleted_and_restored(client: MlflowClient) -> None:
    for name in ["one", "two"]:
        client.create_experiment(name, tags={"name": name})
    assert [e.name for e in client.search_experiments(filter_string="name LIKE 't%'")] == ["two"]
    found = client.search_experiments(filter_string="tags.name = 'one'")
    assert [e.name for e in found] == ["one"]
    client.rename_experiment("1", "uno")
    client.set_experiment_tag("1", "k", "v")
    assert client.get_experiment("1").tags["k"] == "v"
    client.delete_experiment("1")
    assert client.get_experiment("1").lifecycle_stage == "deleted"
    assert len(client.search_experiments(view_type=ViewType.ALL)) == 3
    with pytest.raises(MlflowException, match="deleted experiment"):
        mlflow.set_experiment("uno")
    client.restore_experiment("1")
    with pytest.raises(RestException) as error:
        client.create_experiment("uno")
    assert error.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(RestException) as error:
        client.get_experiment("77")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_experiment_by_name("nothing") is None


def test_runs_are_deleted_and_restored(client: MlflowClient) -> None:
    run = client.create_run("0")
    client.set_tag(run.info.run_id, "k", "v")
    client.delete_tag(run.info.run_id, "k")
    assert "k" not in client.get_run(run.info.run_id).data.tags
    client.delete_run(run.info.run_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    assert list(client.search_runs(["0"])) == []
    assert len(client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)) == 1
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run.info.run_id, "m", 1)
    client.restore_run(run.info.run_id)
    client.log_metric(run.info.run_id, "m", 1)
    with pytest.raises(MlflowException, match="not found"):
        client.get_run("f" * 32)


def test_datasets_of_runs(client: MlflowClient) -> None:
    run = client.create_run("0")
    dataset = Dataset("digits", "abc", "local", "{}", schema="{}")
    client.log_inputs(
        run.info.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
    )
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert inputs[0].dataset.name == "digits"
    assert inputs[0].tags[0].value == "training"
    assert len(client.search_runs(["0"], "datasets.name = 'digits'")) == 1


def test_artifacts_up_and_down(client: MlflowClient, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "top.txt").write_text("top")
    (source / "deep/er/with space ä.bin").write_bytes(bytes(range(256)) * 4096)
    with mlflow.start_run() as run:
        mlflow.log_artifacts(str(source), "all")
        mlflow.log_artifact(str(source / "top.txt"))
        mlflow.log_dict({"a": 1}, "config.json")
        mlflow.log_text("<html></html>", "page.html")
    run_id = run.info.run_id
    assert [f.path for f in client.list_artifacts(run_id)] == [
        "all",
        "config.json",
        "page.html",
        "top.txt",
    ]
    listed = client.list_artifacts(run_id, "all")
    assert [(f.path, f.is_dir) for f in listed] == [("all/deep", True), ("all/top.txt", False)]
    assert list(client.list_artifacts(run_id, "top.txt")) == []
    target = Path(client.download_artifacts(run_id, "all", str(tmp_path)))
    assert (target / "deep/er/with space ä.bin").read_bytes() == bytes(range(256)) * 4096
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/top.txt") == "top"
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    get_artifact_repository(run.info.artifact_uri).delete_artifacts("all")
    assert [f.path for f in client.list_artifacts(run_id)] == [
        "config.json",
        "page.html",
        "top.txt",
    ]


def test_projects_do_not_see_each_other(server: Server, client: MlflowClient) -> None:
    run = client.create_run("0")
    client.create_experiment("mine")
    other = server.new_project()
    stranger = MlflowClient(f"{server.url}/p/{other.name}")
    assert [e.name for e in stranger.search_experiments()] == ["Default"]
    with pytest.raises(MlflowException, match="not found"):
        stranger.get_run(run.info.run_id)


def test_many_clients_at_once(client: MlflowClient) -> None:
    run = client.create_run("0")

    def log(worker: int) -> None:
        for step in range(20):
            client.log_metric(run.info.run_id, f"m{step % 3}", worker, step=step, timestamp=worker)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))
    total = sum(len(client.get_metric_history(run.info.run_id, f"m{i}")) for i in range(3))
    assert total == 160
