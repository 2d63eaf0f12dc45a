"""An MLflow installation with something of everything, made and read by the real client.

usage: mlflow_installation.py make|describe TRACKING_URI [ARTIFACT_ROOT]
"""

import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, set_tracking_uri
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    ViewType,
)

START = 1_700_000_000_000


def make(client: MlflowClient, root: str | None) -> None:
    def experiment(name: str, **tags: str) -> str:
        location = f"{root}/{len(tags)}" if root else None
        return str(client.create_experiment(name, artifact_location=location, tags=tags))

    vision = experiment("비전 α", team="비전")
    parent = client.create_run(vision, run_name="엄마", tags={"mlflow.user": "ada"}).info.run_id
    child = client.create_run(vision, run_name="child", tags={"mlflow.parentRunId": parent})
    for key, value in {"lr": "0.1", "net/depth": "3", "text": 'a "b"\t漢字 …'}.items():
        client.log_param(parent, key, value)
    values = [1.5, math.nan, 1e-300, -0.25]
    client.log_batch(
        parent, [Metric("loss", value, START + i, i - 1) for i, value in enumerate(values)]
    )
    points = [Metric("long/curve", i / 7, START + i, i) for i in range(5000)]
    for i in range(0, len(points), 1000):
        client.log_batch(parent, points[i : i + 1000])
    client.set_tag(parent, "note", "first\nsecond")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {
            "top.txt": b"top",
            "data/한글.bin": bytes(range(256)) * 100,
            "data/deep/er/a b.txt": b"",
        }.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(parent, folder)
        model = client.create_logged_model(
            vision, name="net", source_run_id=parent, tags={"t": "1"}, params={"p": "2"},
            model_type="classifier",
        )  # fmt: skip
        client.log_model_artifact(model.model_id, str(Path(folder, "top.txt")))
    client.finalize_logged_model(model.model_id, "READY")
    dataset = Dataset("train set", "d1g3st", "local", "{}", '{"s":1}', '{"p":1}')
    client.log_inputs(
        parent,
        [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])],
        models=[LoggedModelInput(model.model_id)],
    )
    client.log_outputs(parent, [LoggedModelOutput(model.model_id, 3)])
    client.log_metric(
        parent, "accuracy", 0.5, timestamp=START, step=0, model_id=model.model_id,
    )  # fmt: skip
    client.set_terminated(parent, "FAILED", end_time=START + 5000)
    client.delete_run(child.info.run_id)
    gone = experiment("gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    client.create_registered_model("분류기", tags={"k": "v"}, description="what it is")
    folder_uri = f"{client.get_run(parent).info.artifact_uri}/data"
    sources: list[tuple[str, str | None]] = [
        (f"models:/{model.model_id}", model.model_id),
        (folder_uri, None),
        (folder_uri, None),
    ]
    for source, model_id in sources:
        client.create_model_version(
            "분류기", source, parent, tags={"q": "z"}, description="v", model_id=model_id
        )
    client.delete_model_version("분류기", "2")
    client.set_registered_model_alias("분류기", "champion", "3")
    client.transition_model_version_stage("분류기", "3", "Staging")


def files(client: MlflowClient, run: str, path: str = "") -> dict[str, int]:
    found: dict[str, int] = {}
    for file in client.list_artifacts(run, path or None):
        if file.is_dir:
            found |= files(client, run, file.path)
        else:
            found[file.path] = file.file_size or 0  # a server leaves 0 out
    return found


def describe_run(client: MlflowClient, run_id: str) -> dict[str, Any]:
    run = client.get_run(run_id)
    deleted = run.info.lifecycle_stage == "deleted"
    return {
        "name": run.info.run_name,
        "user": run.info.user_id,
        "status": run.info.status,
        "times": [run.info.start_time, run.info.end_time],
        "stage": run.info.lifecycle_stage,
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": {
            key: sorted(
                [point.step, point.timestamp, repr(point.value)]
                for point in client.get_metric_history(run_id, key)
            )
            for key in run.data.metrics
        },
        "datasets": [
            [i.dataset.to_dictionary(), {tag.key: tag.value for tag in i.tags}]
            for i in run.inputs.dataset_inputs
        ],
        "inputs": sorted(i.model_id for i in run.inputs.model_inputs or []),
        "outputs": sorted([o.model_id, o.step] for o in (run.outputs.model_outputs or []))
        if run.outputs
        else [],
        "files": {} if deleted else files(client, run_id),
    }


def describe(client: MlflowClient) -> dict[str, Any]:
    experiments: dict[str, Any] = {}
    runs: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        found = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
        experiments[experiment.name] = {
            "tags": dict(experiment.tags),
            "stage": experiment.lifecycle_stage,
            "runs": sorted(run.info.run_id for run in found),
        }
        runs |= {run.info.run_id: describe_run(client, run.info.run_id) for run in found}
        if experiment.lifecycle_stage == "deleted":
            continue
        for model in client.search_logged_models([experiment.experiment_id]):
            models[model.model_id] = {
                "name": model.name,
                "type": model.model_type,
                "status": str(model.status),
                "run": model.source_run_id,
                "times": [model.creation_timestamp, model.last_updated_timestamp],
                "params": model.params,
                "tags": model.tags,
                "metrics": [
                    [m.key, repr(m.value), m.step, m.timestamp, m.run_id]
                    for m in model.metrics or []
                ],
                "files": sorted(f.path for f in client.list_logged_model_artifacts(model.model_id)),
            }
    registry = {}
    for registered in client.search_registered_models():
        registry[registered.name] = {
            "description": registered.description,
            "tags": registered.tags,
            "aliases": {k: int(v) for k, v in registered.aliases.items()},
            "times": [registered.creation_timestamp, registered.last_updated_timestamp],
            "versions": {
                int(v.version): {
                    "stage": v.current_stage,
                    "run": v.run_id,
                    "status": v.status,
                    "description": v.description,
                    "tags": v.tags,
                    "times": [v.creation_timestamp, v.last_updated_timestamp],
                }
                for v in client.search_model_versions(f"name = '{registered.name}'")
            },
        }
    return {"experiments": experiments, "runs": runs, "models": models, "registry": registry}


if __name__ == "__main__":
    set_tracking_uri(sys.argv[2])  # the registry looks logged models up there
    tracking = MlflowClient(sys.argv[2], sys.argv[2])
    if sys.argv[1] == "make":
        make(tracking, sys.argv[3] if len(sys.argv) > 3 else None)
    else:
        print(json.dumps(describe(tracking), sort_keys=True))
