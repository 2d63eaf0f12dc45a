"""Autolog, logged models and the registry through the unmodified mlflow client."""

import json
from collections.abc import Iterator

import mlflow
import numpy as np
import pytest
from maru_server import Project, Server
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from protocols.mlflow_project import mlflow_project
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def project(server: Server) -> Iterator[Project]:
    with mlflow_project(server) as made:
        yield made


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient()


@pytest.fixture(scope="module")
def model() -> LogisticRegression:
    return LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True))


def test_autolog(client: MlflowClient) -> None:
    mlflow.set_experiment("auto")
    mlflow.sklearn.autolog()
    try:
        with mlflow.start_run() as run:
            LogisticRegression(max_iter=300).fit(*load_iris(return_X_y=True))
    finally:
        mlflow.sklearn.autolog(disable=True)
    stored = client.get_run(run.info.run_id)
    assert stored.data.params["max_iter"] == "300"
    assert stored.data.metrics["training_accuracy_score"] > 0.9
    assert stored.inputs.dataset_inputs
    assert len(stored.outputs.model_outputs) == 1
    model_id = stored.outputs.model_outputs[0].model_id
    logged = mlflow.get_logged_model(model_id)
    assert str(logged.status) == "READY"
    assert logged.source_run_id == run.info.run_id
    assert {m.key for m in logged.metrics} >= {"training_accuracy_score"}
    found = mlflow.search_logged_models(
        experiment_ids=[stored.info.experiment_id],
        filter_string="metrics.training_accuracy_score > 0.5",
        output_format="list",
    )
    assert [m.model_id for m in found] == [model_id]
    loaded = mlflow.sklearn.load_model(f"models:/{model_id}")
    assert loaded.predict(load_iris().data[:1]).tolist() == [0]


def test_log_register_and_load(
    project: Project, client: MlflowClient, model: LogisticRegression
) -> None:
    rows = load_iris().data[:3]
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(
            model,
            name="model",
            input_example=rows,
            registered_model_name="iris",
            pip_requirements=["scikit-learn"],
        )
    assert int(info.registered_model_version) == 1
    version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris")
    assert int(version.version) == 2
    assert version.status == "READY"
    third = mlflow.register_model(info.model_uri, "iris", tags={"k": "v"})
    assert third.run_id == run.info.run_id
    registrations = json.loads(mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    assert [int(r["version"]) for r in registrations] == [1, 2, 3]

    client.set_registered_model_alias("iris", "champion", "1")
    expected = model.predict(rows).tolist()
    for uri in [
        "models:/iris/1",
        "models:/iris/2",
        "models:/iris/3",
        "models:/iris@champion",
        "models:/iris/latest",
        info.model_uri,
        f"runs:/{run.info.run_id}/model",
    ]:
        assert mlflow.pyfunc.load_model(uri).predict(rows).tolist() == expected, uri

    shown = project.get("/models/iris")
    assert shown["latest_version"] == 3
    assert shown["aliases"] == {"champion": 1}
    listed = project.get("/models/iris/versions")["items"]
    assert [v["version"] for v in listed] == [3, 2, 1]
    assert set(listed[0]["flavors"]) == {"python_function", "sklearn"}
    assert listed[0]["size_bytes"] > 500
    assert listed[2]["aliases"] == ["champion"]


def test_the_registry(client: MlflowClient) -> None:
    client.create_registered_model("a", tags={"team": "x"}, description="first")
    client.create_registered_model("b")
    with pytest.raises(RestException) as error:
        client.create_registered_model("a")
    assert error.value.error_code == "RESOURCE_ALREADY_EXISTS"
    run = client.create_run("0")
    for _ in range(3):
        client.create_model_version("a", f"{run.info.artifact_uri}/model", run.info.run_id)
    client.update_registered_model("a", "described")
    client.rename_registered_model("a", "c")
    stored = client.get_registered_model("c")
    assert stored.description == "described"
    assert stored.tags == {"team": "x"}
    assert [int(v.version) for v in stored.latest_versions] == [3]
    assert [m.name for m in client.search_registered_models()] == ["b", "c"]
    assert [m.name for m in client.search_registered_models("tags.team = 'x'")] == ["c"]
    assert [m.name for m in client.search_registered_models("name ILIKE 'B'")] == ["b"]
    ordered = client.search_registered_models(order_by=["name DESC"], max_results=1)
    assert [m.name for m in ordered] == ["c"]
    assert ordered.token
    following = client.search_registered_models(
        order_by=["name DESC"], max_results=1, page_token=ordered.token
    )
    assert [m.name for m in following] == ["b"]

    client.update_model_version("c", "2", "better")
    client.set_model_version_tag("c", "2", "k", "v")
    assert client.get_model_version("c", "2").description == "better"
    found = client.search_model_versions("name = 'c' and tags.k = 'v'")
    assert [int(v.version) for v in found] == [2]
    found = client.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert len(found) == 3
    client.delete_model_version_tag("c", "2", "k")
    assert client.get_model_version("c", "2").tags == {}
    client.transition_model_version_stage("c", "2", "Production")
    assert [int(v.version) for v in client.get_latest_versions("c", ["Production"])] == [2]

    client.set_registered_model_alias("c", "best", "2")
    assert int(client.get_model_version_by_alias("c", "best").version) == 2
    assert client.get_registered_model("c").aliases == {"best": "2"}
    client.delete_registered_model_alias("c", "best")
    with pytest.raises(MlflowException, match="alias best not found"):
        client.get_model_version_by_alias("c", "best")
    for bad in ["latest", "v1", "a/b"]:
        with pytest.raises(MlflowException, match=r"alias|Alias"):
            client.set_registered_model_alias("c", bad, "2")

    client.set_registered_model_alias("c", "last", "3")
    client.delete_model_version("c", "3")
    with pytest.raises(MlflowException, match="not found"):
        client.get_model_version("c", "3")
    assert client.get_registered_model("c").aliases == {}
    made = client.create_model_version("c", run.info.artifact_uri)
    assert int(made.version) == 4
    client.delete_registered_model("c")
    with pytest.raises(MlflowException, match="Registered Model with name=c not found"):
        client.get_registered_model("c")


def test_copies_of_versions_find_their_files(
    client: MlflowClient, model: LogisticRegression
) -> None:
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name="origin",
            pip_requirements=["scikit-learn"],
        )
    copied = client.copy_model_version("models:/origin/1", "copy")
    assert copied.name == "copy"
    loaded = mlflow.sklearn.load_model("models:/copy/1")
    assert np.allclose(loaded.coef_, model.coef_)


def test_logged_models(client: MlflowClient) -> None:
    first = mlflow.create_external_model(name="first", params={"p": "1"}, tags={"t": "1"})
    mlflow.set_logged_model_tags(first.model_id, {"u": "2"})
    mlflow.delete_logged_model_tag(first.model_id, "t")
    stored = mlflow.get_logged_model(first.model_id)
    assert stored.tags["u"] == "2"
    assert "t" not in stored.tags
    assert stored.params == {"p": "1"}
    client.delete_logged_model(first.model_id)
    with pytest.raises(MlflowException, match="not found"):
        mlflow.get_logged_model(first.model_id)
