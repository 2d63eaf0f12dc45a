"""Everything that comes in pages, read to its end."""

from collections.abc import Callable
from typing import Any

import mlflow
from mlflow.entities import Metric

client = mlflow.MlflowClient()
COUNT = 23


def read(page_of: Callable[[str | None], Any], most: int = 5) -> list[Any]:
    items: list[Any] = []
    token = None
    while True:
        page = page_of(token)
        assert len(page) <= most
        items += page
        token = page.token
        if not token:
            return items


for number in range(COUNT):
    client.create_experiment(f"e{number:02}")
    client.create_registered_model(f"m{number:02}")
run_ids = {client.create_run("1").info.run_id for _ in range(COUNT)}
run_id = min(run_ids)
for _ in range(COUNT):
    client.create_model_version("m00", f"mlflow-artifacts:/1/{run_id}/artifacts/model", run_id)
    with mlflow.start_span("root"):
        pass
mlflow.flush_trace_async_logging()
client.log_batch(run_id, metrics=[Metric("loss", i, i, i) for i in range(1000)])

names = [f"e{number:02}" for number in range(COUNT)]
experiments = read(
    lambda token: client.search_experiments(
        filter_string="name LIKE 'e%'", order_by=["name ASC"], max_results=5, page_token=token
    )
)
assert [experiment.name for experiment in experiments] == names, experiments
found = mlflow.search_experiments(filter_string="name LIKE 'e%'", max_results=7)
assert len(found) == 7
runs = read(lambda token: client.search_runs(["1"], max_results=5, page_token=token))
assert len(runs) == COUNT
assert {run.info.run_id for run in runs} == run_ids
assert len(mlflow.search_runs(["1"])) == COUNT
models = read(lambda token: client.search_registered_models(max_results=5, page_token=token))
assert [model.name for model in models] == [f"m{number:02}" for number in range(COUNT)]
versions = read(
    lambda token: client.search_model_versions("name = 'm00'", max_results=5, page_token=token)
)
assert sorted(int(version.version) for version in versions) == list(range(1, COUNT + 1))
traces = read(lambda token: client.search_traces(locations=["0"], max_results=5, page_token=token))
assert len({trace.info.trace_id for trace in traces}) == COUNT
history = client.get_metric_history(run_id, "loss")
assert [metric.step for metric in history] == list(range(1000))
print("done")
