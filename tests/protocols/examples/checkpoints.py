"""Checkpoints as logged models: metrics by model and dataset, searched, ranked and paged."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

client = mlflow.MlflowClient()
experiment = mlflow.set_experiment("checkpoints").experiment_id
frame = pd.DataFrame({"x": np.arange(10.0), "y": np.arange(10)})
train = mlflow.data.from_pandas(frame, source="https://example.org/train.csv", name="train")
held_out = mlflow.data.from_numpy(np.arange(6.0), name="held-out")
Path("weights.txt").write_text("0.25")
models = []
with mlflow.start_run() as run:
    mlflow.log_input(train, context="training", tags={"part": "first"})
    mlflow.log_input(held_out, context="testing")
    for step in range(4):
        model = mlflow.initialize_logged_model(
            name=f"checkpoint-{step}", params={"depth": str(step % 2)}, model_type="tree"
        )
        client.log_model_artifacts(model.model_id, str(Path.cwd()))
        model = mlflow.finalize_logged_model(model.model_id, "READY")
        models.append(model.model_id)
        for dataset, value in ((train, step / 4), (held_out, (3 - step) / 4)):
            mlflow.log_metric(
                "accuracy", value, step=step, model_id=model.model_id, dataset=dataset
            )
    broken = mlflow.initialize_logged_model(name="broken")
    mlflow.finalize_logged_model(broken.model_id, "FAILED")


def search(filter_string: str = "", **options: object) -> list[str]:
    found = mlflow.search_logged_models(
        experiment_ids=[experiment], filter_string=filter_string, output_format="list", **options
    )
    return [found_model.model_id for found_model in found]


def ranked_by(dataset: mlflow.data.Dataset) -> list[str]:
    by = {
        "field_name": "metrics.accuracy",
        "ascending": False,
        "dataset_name": dataset.name,
        "dataset_digest": dataset.digest,
    }
    return search("name LIKE 'checkpoint%'", order_by=[by])


assert ranked_by(train) == models[::-1]
assert ranked_by(held_out) == models
assert set(search("params.depth = '1'")) == {models[1], models[3]}
of_train = {"dataset_name": "train", "dataset_digest": train.digest}
assert search("metrics.accuracy > 0.7", datasets=[of_train]) == [models[3]]
assert search(f"source_run_id = '{run.info.run_id}' AND name = 'broken'") == [broken.model_id]
table = mlflow.search_logged_models(experiment_ids=[experiment])
assert set(table["name"]) == {"broken", *(f"checkpoint-{step}" for step in range(4))}, table

seen: list[str] = []
token = None
while True:
    page = client.search_logged_models([experiment], max_results=2, page_token=token)
    assert len(page) <= 2
    seen += [found_model.model_id for found_model in page]
    token = page.token
    if not token:
        break
assert sorted(seen) == sorted([*models, broken.model_id]), seen

best = mlflow.get_logged_model(models[3])
assert (best.status, best.model_type) == ("READY", "tree"), best
assert {(m.dataset_name, m.step, m.value) for m in best.metrics} == {
    ("train", 3, 0.75),
    ("held-out", 3, 0.0),
}, best.metrics
assert mlflow.get_logged_model(broken.model_id).status == "FAILED"
copy = mlflow.artifacts.download_artifacts(f"models:/{models[3]}", dst_path="copy")
assert Path(copy, "weights.txt").read_text() == "0.25"

stored = mlflow.get_run(run.info.run_id)
contexts = {used.dataset.name: used.tags for used in stored.inputs.dataset_inputs}
assert set(contexts) == {"train", "held-out"}, contexts
assert {tag.key: tag.value for tag in contexts["train"]}["mlflow.data.context"] == "training"
[source] = [used.dataset for used in stored.inputs.dataset_inputs if used.dataset.name == "train"]
assert mlflow.data.get_source(source).url == "https://example.org/train.csv", source
found = mlflow.search_runs([experiment], filter_string="datasets.context = 'testing'")
assert list(found["run_id"]) == [run.info.run_id]
history = client.get_metric_history(run.info.run_id, "accuracy")
assert len(history) == 8, history
print("done")
