"""Metrics: single, in batches, their history."""

from typing import Any

from protocols.mlflow_cases.case import Case, get, post, wrong_types

MISSING = "f" * 32


def metric(**fields: Any) -> Case:
    return post("runs/log-metric",
                {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1, **fields})  # fmt: skip


def batch(**fields: Any) -> Case:
    return post("runs/log-batch", {"run_id": "{run}", **fields})


def point(key: str = "m", value: Any = 1, timestamp: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"key": key, "value": value, "timestamp": timestamp, **fields}


def history(**query: Any) -> Case:
    return get("metrics/get-history", {"run_id": "{run}", "metric_key": "m", **query})


LOGGED: list[Case] = [
    post("experiments/create", {"name": "metrics"}, keep={"e": "experiment_id"}),
    post("runs/create", {"experiment_id": "{e}", "user_id": "ann", "start_time": 1},
         keep={"run": "run.info.run_id"}),
    post("runs/create", {"experiment_id": "{e}", "user_id": "ann", "start_time": 2},
         keep={"other": "run.info.run_id"}),
    # Of what only one of them keeps nothing may be read again.
    post("runs/create", {"experiment_id": "{e}", "user_id": "ann", "start_time": 3},
         keep={"junk": "run.info.run_id"}),
    metric(),
    metric(value=0.1, timestamp=2, step=1),
    metric(value="0.25", timestamp="3", step="2"),
    metric(value=-0.5, timestamp=4, step=-3),
    metric(value="NaN", timestamp=5, step=4, key="nan"),
    metric(value="Infinity", timestamp=5, step=4, key="inf"),
    metric(value="-Infinity", timestamp=5, step=4, key="-inf"),
    metric(value=1e308, timestamp=6, step=5, key="huge"),
    metric(value=5e-324, timestamp=6, step=5, key="tiny"),
    metric(value=True, run_id="{junk}"),
    metric(timestamp=-1),
    metric(timestamp=2**63, run_id="{junk}"),
    metric(step=2**62, key="far"),
    metric(step=2**63, run_id="{junk}"),
    metric(key="a*b"),
    metric(key="../b"),
    metric(key="k" * 251),
    metric(key="größe"),
    metric(run_id=MISSING),
    post("runs/log-metric", {"run_uuid": "{run}", "key": "u", "value": 1, "timestamp": 1}),
    *wrong_types("POST", "runs/log-metric", point() | {"run_id": "{junk}"},
                 {"run_id": "text!", "key": "text!", "value": "number!", "timestamp": "integer!",
                  "step": "integer", "model_id": "text", "dataset_name": "text"}),
    get("runs/get", {"run_id": "{run}"}),
    batch(metrics=[point(value=i, timestamp=10 + i, step=i) for i in range(10)],
          params=[{"key": "p", "value": "1"}], tags=[{"key": "t", "value": "x"}]),
    batch(),
    batch(metrics=[], params=[], tags=[]),
    batch(metrics=[point(), point(timestamp="x")], run_id="{junk}"),
    batch(metrics=[point(), point(value="x")], run_id="{junk}"),
    batch(metrics=[{"value": 1, "timestamp": 1}]),
    batch(metrics=[{"key": "a", "timestamp": 1}]),
    batch(metrics=[{"key": "a", "value": 1}]),
    batch(metrics=[point("a*b")]),
    batch(metrics=[point(timestamp=-5)]),
    batch(metrics=[point() for _ in range(1001)]),
    batch(params=[{"key": f"p{i}", "value": "1"} for i in range(101)]),
    batch(tags=[{"key": f"t{i}", "value": "1"} for i in range(101)]),
    batch(metrics=[point() for _ in range(950)],
          params=[{"key": f"q{i}", "value": "1"} for i in range(51)]),
    batch(params=[{"key": "p", "value": "2"}]),
    batch(params=[{"key": "d", "value": "1"}, {"key": "d", "value": "1"}]),
    batch(params=[{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]),
    batch(params=[{"value": "2"}]),
    batch(params=[{"key": "a*b", "value": "2"}]),
    batch(params=[{"key": "fine", "value": "x" * 6001}]),
    batch(params=[{"key": "p", "value": "2"}, {"key": "depth", "value": "9"}]),
    batch(tags=[{"value": "2"}]),
    batch(tags=[{"key": "a*b", "value": "2"}]),
    batch(tags=[{"key": "k" * 251, "value": "2"}]),
    batch(tags=[{"key": "k", "value": "x" * 8001}]),
    batch(tags=[{"key": "k", "value": "1"}, {"key": "k", "value": "2"}]),
    post("runs/log-batch", {"run_id": MISSING, "params": [{"key": "a", "value": "b"}]}),
    post("runs/log-batch", {"params": [{"key": "a", "value": "b"}]}),
    *wrong_types("POST", "runs/log-batch", {"run_id": "{junk}"},
                 {"run_id": "text!", "metrics": "list", "params": "list", "tags": "list"}),
    post("runs/log-batch", raw=b"{}", media_type="text/plain"),
    get("runs/get", {"run_id": "{run}"}),
]  # fmt: skip

BULK: list[tuple[str, dict[str, Any]]] = [
    ("get-history-bulk", {"run_id": ["{run}", "{other}"], "metric_key": "m"}),
    ("get-history-bulk", {"run_id": "{run}", "metric_key": "m", "max_results": 2}),
    ("get-history-bulk", {"metric_key": "m"}),
    ("get-history-bulk", {"run_id": "{run}"}),
    ("get-history-bulk", {"run_id": ["x"] * 101, "metric_key": "m"}),
    ("get-history-bulk-interval", {"run_ids": "{run}", "metric_key": "m"}),
    ("get-history-bulk-interval", {"metric_key": "m"}),
    ("get-history-bulk-interval", {"run_ids": "{run}"}),
    ("get-history-bulk-interval", {"run_ids": ["x"] * 101, "metric_key": "m"}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "start_step": 1, "end_step": 4}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "start_step": 4, "end_step": 1}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "start_step": 4}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "max_results": 0}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "max_results": 2501}),
    ("get-history-bulk-interval",
     {"run_ids": "{run}", "metric_key": "m", "max_results": "x"}),
]  # fmt: skip

HISTORY: list[Case] = [
    history(),
    history(metric_key="nothing"),
    history(metric_key="nan"),
    history(metric_key="inf"),
    history(metric_key="-inf"),
    history(max_results=0),
    history(max_results=-1),
    history(max_results="x"),
    get("metrics/get-history", {"run_id": "{run}", "metric_key": "m", "max_results": 4},
        keep={"page": "next_page_token"}),
    history(max_results=4, page_token="{page}"),
    history(max_results=4, page_token="bad"),
    get("metrics/get-history", {"run_uuid": "{run}", "metric_key": "m"}),
    get("metrics/get-history", {"run_id": "{run}"}),
    get("metrics/get-history", {"metric_key": "m"}),
    get("metrics/get-history", {"run_id": MISSING, "metric_key": "m"}),
    *[get(f"/ajax-api/2.0/mlflow/metrics/{path}", query) for path, query in BULK],
]  # fmt: skip

CASES = LOGGED + HISTORY
