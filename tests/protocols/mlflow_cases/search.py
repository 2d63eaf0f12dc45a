"""Searching runs: the whole filter language."""

from typing import Any

from protocols.mlflow_cases.case import Case, post, wrong_types


def run(name: str, start: int, **data: Any) -> list[Case]:
    made = post("runs/create",
                {"experiment_id": "{e}", "user_id": "ann", "run_name": name, "start_time": start},
                keep={name: "run.info.run_id"})  # fmt: skip
    logged = post("runs/log-batch", {"run_id": "{" + name + "}", **data})
    return [made, logged]


def pairs(**values: str) -> list[dict[str, str]]:
    return [{"key": key.replace("__", " "), "value": value} for key, value in values.items()]


def metrics(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", " "), "value": value, "timestamp": 1, "step": 0}
            for key, value in values.items()]  # fmt: skip


PREPARED: list[Case] = [
    post("experiments/create", {"name": "search"}, keep={"e": "experiment_id"}),
    post("experiments/create", {"name": "search elsewhere"}, keep={"e2": "experiment_id"}),
    *run("alpha", 100, params=pairs(depth="3", Model="tree"), tags=pairs(team="red"),
         metrics=metrics(acc=0.5, val__acc=0.4)),
    *run("Beta", 200, params=pairs(depth="30", Model="Tree"), tags=pairs(team="Red"),
         metrics=metrics(acc=0.9)),
    *run("gamma", 300, params=pairs(depth="5"), tags=pairs(team="blue", note="it's"),
         metrics=metrics(acc="NaN")),
    *run("delta", 400, tags=pairs(quote='say "hi"')),
    post("runs/update", {"run_id": "{Beta}", "status": "FINISHED", "end_time": 250}),
    post("runs/log-inputs", {"run_id": "{alpha}", "datasets": [
        {"dataset": {"name": "iris", "digest": "abc", "source_type": "t", "source": "s"},
         "tags": [{"key": "mlflow.data.context", "value": "train"}]}]}),
    post("runs/log-inputs", {"run_id": "{gamma}", "datasets": [
        {"dataset": {"name": "wine", "digest": "def", "source_type": "t", "source": "s"},
         "tags": [{"key": "mlflow.data.context", "value": "eval"}]}]}),
    post("runs/create",
         {"experiment_id": "{e}", "user_id": "bob", "run_name": "gone", "start_time": 500},
         keep={"gone": "run.info.run_id"}),
    post("runs/delete", {"run_id": "{gone}"}),
]  # fmt: skip

FOUND = [
    "", " ",
    "metrics.acc > 0.4", "metrics.acc >= 0.9", "metrics.acc < 0.6", "metrics.acc <= 0.5",
    "metrics.acc = 0.5", "metrics.acc != 0.5", "metric.acc > 0", "metrics.acc > -1",
    "metrics.acc > 1e-3", "metrics.`val acc` > 0", 'metrics."val acc" > 0', "metrics.none > 0",
    "params.depth = '3'", 'params.depth = "3"', "param.depth = '3'", "parameter.depth = '3'",
    "parameters.depth = '3'", "params.`depth` = '3'", 'params."depth" = \'3\'',
    "params.depth != '3'", "params.depth LIKE '3%'", "params.Model LIKE 't%'",
    "params.Model ILIKE 't%'", "params.Model like 't%'", "params.Model ilike 'T%'",
    "params.model = 'tree'", "params.depth LIKE '_'", "params.depth = ''",
    "tags.team = 'red'", "tag.team = 'red'", "tags.team != 'red'", "tags.team LIKE '%e%'",
    "tags.team ILIKE 'RED'", "tags.`mlflow.runName` = 'alpha'", "tags.mlflow.runName = 'alpha'",
    "tags.note IS NULL", "tags.note IS NOT NULL", "params.depth IS NULL",
    "params.Model is not null", "tags.quote = 'say \"hi\"'", "tags.note = \"it's\"",
    "attributes.status = 'FINISHED'", "attribute.status = 'RUNNING'", "attr.status = 'RUNNING'",
    "run.status = 'RUNNING'", "status = 'RUNNING'", "status != 'RUNNING'", "status LIKE 'FIN%'",
    "status ILIKE 'fin%'", "attributes.run_name = 'alpha'", "run_name LIKE 'a%'",
    "attributes.`run name` = 'alpha'", "attributes.`Run name` = 'alpha'",
    "attributes.`Run Name` = 'alpha'", "attributes.\"run name\" = 'alpha'",
    "attributes.user_id = 'ann'", "user_id != 'ann'", "artifact_uri LIKE '%artifacts'",
    "attributes.start_time > 150", "start_time = 100", "start_time <= 200", "created > 150",
    "attributes.Created > 150", "end_time > 0", "attributes.end_time = 250", "start_time > 150.5",
    "attributes.run_id = '{alpha}'", "run_id IN ('{alpha}', '{Beta}')",
    "run_id NOT IN ('{alpha}')", "attributes.run_id in ('{alpha}')", "run_id IN ('{alpha}',)",
    "run_id != '{alpha}'", "run_id LIKE '%'",
    "datasets.name = 'iris'", "dataset.name = 'iris'", "dataset.name LIKE 'i%'",
    "dataset.name ILIKE 'I%'", "dataset.digest = 'def'", "dataset.context = 'train'",
    "dataset.name IN ('iris', 'wine')", "dataset.context NOT IN ('train')",
    "dataset.name != 'iris'",
    "params.depth = '3' AND metrics.acc > 0.1", "params.depth = '3' and tags.team = 'red'",
    "tags.team = 'red' AND tags.team != 'blue' AND status = 'RUNNING'",
    "metrics.acc > 0.1 AND metrics.acc < 0.6", "params.depth='3'", "  params.depth   =  '3'  ",
    "dataset.name = 'iris' AND dataset.context = 'train'",
]  # fmt: skip

REFUSED = [
    "metrics.acc > 'x'", "metrics.acc LIKE 'x'", "metrics.acc", "metrics.acc >", "> 5",
    "params.depth = 3", "params.depth > '3'", "tags.team > 'a'", "tags.team = red",
    "params.depth = 3.5", "status = 5", "status > 'RUNNING'", "start_time = 'x'",
    "start_time LIKE '1%'", "attributes.nothing = 'x'", "nothing = 'x'", "foo.bar = 'x'",
    "dataset.nothing = 'x'", "dataset.name > 'x'", "dataset.name = 5", "status IN ('RUNNING')",
    "run_name IN ('alpha')", "run_id IN ()", "run_id IN (5)", "run_id IN 'x'", "run_id IN ('x', 5)",
    "params.depth IN ('3')", "tags.team IN ('red')", "metrics.acc IN (1)",
    "metrics.acc IS NULL", "status IS NULL", "dataset.name IS NULL",
    "params.depth = '3' OR params.depth = '5'", "params.depth = '3' params.depth = '5'",
    "params.depth = '3';", "params.depth = '3'; drop table runs", "(params.depth = '3')",
    "params.depth = 'open", "`params.depth", "AND", "params.depth = '3' AND",
    "params = '3'", "metrics. > 3", "5 = 5", "'a' = 'a'", "attributes.start_time = ''",
    "params.depth == '3'", "params.depth <> '3'", "metrics.acc > 0.5x", "NOT params.depth = '3'",
]  # fmt: skip

ORDERS: list[list[str]] = [
    [], ["metrics.acc"], ["metrics.acc ASC"], ["metrics.acc DESC"], ["metrics.`val acc` DESC"],
    ["params.depth ASC"], ["params.depth desc"], ["tags.team"], ["attributes.start_time ASC"],
    ["start_time DESC"], ["attribute.created ASC"], ["Created DESC"],
    ["attributes.status", "start_time"],
    ["attributes.run_name"], ["metrics.none"], ["end_time ASC"], ["user_id"],
    ["metrics.acc ASC", "params.depth ASC"],
    ["attributes.`Run Name`"], ["run name"], ["experiment_id"],
    ["nothing"], ["metrics"], ["metrics.acc SIDEWAYS"], ["metrics.acc ASC DESC"], [""],
    ["dataset.name"], ["foo.bar"], ["metrics.acc ASC, params.depth"],
    ["start_time ASC", "start_time"],
]  # fmt: skip


def search(**body: Any) -> Case:
    return post("runs/search", {"experiment_ids": ["{e}"], **body})


REQUESTS: list[Case] = [
    search(run_view_type="DELETED_ONLY"),
    search(run_view_type="ALL"),
    search(run_view_type=3),
    search(run_view_type="SOME"),
    search(max_results=0),
    search(max_results=-1),
    search(max_results=50_000),
    search(max_results=50_001),
    search(max_results="x"),
    search(max_results="2"),
    search(page_token="bad"),
    search(page_token="bm90IGpzb24="),
    post("runs/search", {"experiment_ids": ["{e}"], "max_results": 2, "order_by": ["start_time"]},
         keep={"page": "next_page_token"}),
    search(max_results=2, order_by=["start_time"], page_token="{page}"),
    post("runs/search", {"experiment_ids": ["{e}"], "max_results": 3},
         keep={"page": "next_page_token"}),
    search(max_results=3, page_token="{page}"),
    post("runs/search", {}),
    post("runs/search", {"experiment_ids": []}),
    post("runs/search", {"experiment_ids": ["424242"]}),
    post("runs/search", {"experiment_ids": ["abc"]}),
    post("runs/search", {"experiment_ids": ["{e}", "{e2}", "{e}"]}),
    search(filter="metrics.acc > 0 AND " * 40 + "metrics.acc > 0"),
    *wrong_types("POST", "runs/search", {"experiment_ids": ["{e}"]},
                 {"experiment_ids": "texts", "filter": "text", "order_by": "texts",
                  "page_token": "text"}),
]  # fmt: skip

CASES = (
    PREPARED
    + [search(filter=text) for text in FOUND]
    + [search(filter=text) for text in REFUSED]
    + [search(order_by=order) for order in ORDERS]
    + REQUESTS
)
