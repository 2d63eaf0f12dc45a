"""The main job with MLflow's 2.x client; test_mlflow2.py runs it in that client's environment."""

import os
import tempfile
from pathlib import Path

import mlflow
import mlflow.sklearn
import numpy as np
from mlflow import MlflowClient
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from sklearn.linear_model import LinearRegression

assert mlflow.__version__.startswith("2."), mlflow.__version__
client = MlflowClient()

mlflow.set_experiment("two")
mlflow.set_experiment_tag("kind", "old")
features = np.arange(20.0).reshape(-1, 1)
model = LinearRegression().fit(features, features[:, 0] * 2)
with mlflow.start_run(run_name="first") as run, tempfile.TemporaryDirectory() as folder:
    mlflow.log_params({"depth": 3, "name": "é"})
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.set_tag("team", "a")
    source = resolve_dataset_source("https://example.org/data.csv")
    mlflow.log_input(MetaDataset(source, name="data", digest="abc"), context="train")
    note = Path(folder) / "note.txt"
    note.write_text("hello")
    mlflow.log_artifact(str(note), "notes")
    mlflow.log_dict({"a": 1}, "config.json")
    signature = mlflow.models.infer_signature(features, model.predict(features))
    # Given, since finding them out takes half a minute.
    mlflow.sklearn.log_model(model, "model", signature=signature, pip_requirements=["scikit-learn"])
with mlflow.start_run(nested=False), mlflow.start_run(nested=True) as child:
    mlflow.log_metric("loss", 5)

run_id = run.info.run_id
data = client.get_run(run_id).data
assert data.params == {"depth": "3", "name": "é"}, data.params
assert data.metrics["loss"] == 0.2
assert "mlflow.log-model.history" in data.tags
assert [m.step for m in client.get_metric_history(run_id, "loss")] == list(range(5))
found = mlflow.search_runs(
    filter_string="metrics.loss < 1 and tags.team = 'a'", output_format="list"
)
assert [r.info.run_id for r in found] == [run_id]
assert found[0].inputs.dataset_inputs[0].dataset.name == "data"
frame = mlflow.search_runs(order_by=["metrics.loss DESC"])
assert frame.iloc[0]["run_id"] == child.info.run_id
assert sorted(f.path for f in client.list_artifacts(run_id)) == ["config.json", "model", "notes"]
assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/note.txt") == "hello"

version = mlflow.register_model(f"runs:/{run_id}/model", "old-model")
assert version.version == "1" or version.version == 1
client.set_registered_model_alias("old-model", "champion", version.version)
client.transition_model_version_stage("old-model", version.version, "Staging")
client.set_model_version_tag("old-model", version.version, "checked", "yes")
assert client.get_model_version_by_alias("old-model", "champion").run_id == run_id
assert len(client.search_model_versions("name = 'old-model'")) == 1
assert client.get_latest_versions("old-model", ["Staging"])[0].current_stage == "Staging"
for uri in ("models:/old-model@champion", "models:/old-model/1", "models:/old-model/Staging"):
    loaded = mlflow.pyfunc.load_model(uri)
    assert abs(loaded.predict(np.array([[4.0]]))[0] - 8) < 1e-6

try:
    client.log_param(run_id, "depth", 4)
except MlflowException as error:
    refusal = str(error)
else:
    raise AssertionError("a parameter was changed")
assert "Changing param values is not allowed" in refusal
client.delete_run(child.info.run_id)
assert client.get_run(child.info.run_id).info.lifecycle_stage == "deleted"
print("done", os.environ["MLFLOW_TRACKING_URI"])
