"""Logged models: MLflow 3's models of their own."""

from typing import Any

from protocols.mlflow_cases.case import Case, delete, get, patch, post, wrong_types

MISSING = "m-" + "f" * 32


def search(**body: Any) -> Case:
    return post("logged-models/search", {"experiment_ids": ["{e}"], **body})


def parameter(model: str, key: str, value: str) -> Case:
    sent = {"model_id": model, "params": [{"key": key, "value": value}]}
    return post(f"logged-models/{model}/params", sent)


MADE: list[Case] = [
    post("experiments/create", {"name": "logged models"}, keep={"e": "experiment_id"}),
    post("runs/create", {"experiment_id": "{e}", "user_id": "ann", "start_time": 1},
         keep={"run": "run.info.run_id"}),
    post("logged-models",
         {"experiment_id": "{e}", "name": "net", "model_type": "agent", "source_run_id": "{run}",
          "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "t", "value": "v"}]},
         keep={"net": "model.info.model_id"}),
    post("logged-models", {"experiment_id": "{e}", "name": "tree"},
         keep={"tree": "model.info.model_id"}),
    post("experiments/create", {"name": "junk models"}, keep={"e_junk": "experiment_id"}),
    post("logged-models", {"experiment_id": "{e_junk}"}, keep={"unnamed": "model.info.model_id"}),
    post("logged-models", {"experiment_id": "{e_junk}"}, keep={"junk": "model.info.model_id"}),
    post("logged-models", {"experiment_id": "{e}", "name": "other"}),
    post("logged-models", {"experiment_id": "424242", "name": "x"}),
    post("logged-models", {"experiment_id": "{e}", "name": "a/b"}),
    post("logged-models", {"experiment_id": "{e}", "name": "a:b"}),
    post("logged-models", {"experiment_id": "{e}", "name": "a.b%\"'"}),
    post("logged-models", {"name": "x"}),
    *wrong_types("POST", "logged-models", {"experiment_id": "{e_junk}", "name": "wrong"},
                 {"experiment_id": "text!", "name": "text", "model_type": "text",
                  "source_run_id": "text", "params": "list", "tags": "list"}),
    get("logged-models/{net}"),
    get("logged-models/{unnamed}"),
    get(f"logged-models/{MISSING}"),
    get("logged-models/x"),
    patch("logged-models/{net}", {"model_id": "{net}", "status": "LOGGED_MODEL_READY"}),
    patch("logged-models/{tree}", {"model_id": "{tree}", "status": "LOGGED_MODEL_UPLOAD_FAILED"}),
    patch("logged-models/{net}", {"model_id": "{net}", "status": 2}),
    patch("logged-models/{junk}", {"model_id": "{junk}", "status": "NOTHING"}),
    patch("logged-models/{junk}", {"model_id": "{junk}"}),
    patch("logged-models/{net}", {"status": "LOGGED_MODEL_READY"}),
    patch(f"logged-models/{MISSING}", {"model_id": MISSING, "status": "LOGGED_MODEL_READY"}),
    patch("logged-models/{net}/tags",
          {"tags": [{"key": "a", "value": "1"}, {"key": "t", "value": "w"}]}),
    patch("logged-models/{net}/tags", {"tags": []}),
    patch("logged-models/{net}/tags", {}),
    patch("logged-models/{junk}/tags", {"tags": "x"}),
    patch(f"logged-models/{MISSING}/tags", {"tags": [{"key": "a", "value": "1"}]}),
    delete("logged-models/{net}/tags/a"),
    delete("logged-models/{net}/tags/a"),
    delete(f"logged-models/{MISSING}/tags/a"),
    parameter("{net}", "lr", "0.1"),
    parameter("{junk}", "a*b", "0.1"),
    parameter("{junk}", "long", "x" * 6001),
    post("logged-models/{net}/params", {"model_id": "{net}", "params": "x"}),
    parameter(MISSING, "lr", "0.1"),
    post("runs/log-metric", {"run_id": "{run}", "key": "acc", "value": 0.5, "timestamp": 1,
         "step": 0, "model_id": "{net}", "dataset_name": "iris", "dataset_digest": "abc"}),
    get("logged-models/{net}"),
    get("logged-models/{net}/artifacts/directories"),
    get(f"logged-models/{MISSING}/artifacts/directories"),
    get("logged-models/{net}/artifacts/directories", {"artifact_directory_path": "../x"}),
]  # fmt: skip

FILTERS = [
    "name = 'net'", "name != 'net'", "name LIKE 'n%'", "name ILIKE 'N%'", "name IN ('net', 'tree')",
    "attributes.name = 'net'", "model_id = '{net}'", "model_type = 'agent'",
    "status = 'LOGGED_MODEL_READY'", "source_run_id = '{run}'", "creation_time > 0",
    "creation_timestamp > 0", "last_updated_timestamp > 0", "params.depth = '3'", "tags.t = 'w'",
    "params.depth != '3'", "metrics.acc > 0.1", "metrics.acc > 0.9", "metrics.none > 1",
    "params.depth = '3' AND metrics.acc > 0.1", "tags.t LIKE 'w%'",
    "nothing = 'x'", "foo.bar = 'x'", "name > 'x'", "metrics.acc = 'x'", "params.depth = 3",
    "creation_time = 'x'", "name = 5", "name", "name = 'net' OR name = 'tree'",
]  # fmt: skip

SEARCHED: list[Case] = [
    search(),
    *[search(filter=text) for text in FILTERS],
    search(order_by=[{"field_name": "name"}]),
    search(order_by=[{"field_name": "name", "ascending": False}]),
    search(order_by=[{"field_name": "creation_time", "ascending": True}]),
    search(order_by=[{"field_name": "metrics.acc", "ascending": False}]),
    search(order_by=[{"field_name": "metrics.acc", "dataset_name": "iris"}]),
    search(order_by=[{"field_name": "nothing"}]),
    search(order_by=[{}]),
    search(order_by="name"),
    search(datasets=[{"dataset_name": "iris"}], filter="metrics.acc > 0.1"),
    search(datasets=[{"dataset_name": "none"}], filter="metrics.acc > 0.1"),
    search(datasets=[{}]),
    search(max_results=0),
    search(max_results=51),
    search(max_results=1001),
    search(page_token="bad"),
    post("logged-models/search",
         {"experiment_ids": ["{e}"], "max_results": 2, "order_by": [{"field_name": "name"}]},
         keep={"page": "next_page_token"}),
    search(max_results=2, order_by=[{"field_name": "name"}], page_token="{page}"),
    post("logged-models/search", {"experiment_ids": []}),
    post("logged-models/search", {}),
    post("logged-models/search", {"experiment_ids": ["424242"]}),
    delete("logged-models/{tree}"),
    delete("logged-models/{tree}"),
    get("logged-models/{tree}"),
    search(),
    delete(f"logged-models/{MISSING}"),
]  # fmt: skip

CASES = MADE + SEARCHED
