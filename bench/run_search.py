"""How fast an experiment of very many runs is searched: seed it, then measure.

usage: run_search.py seed FOLDER [RUNS]     fill a new data directory through the REST API
       run_search.py measure FOLDER         time the searches of the portal and of MLflow's client

A run has 200 metrics and 100 parameters. The seed goes the way that every client goes, log-batch,
so that it stays right whatever the tables are; it takes some minutes, and the folder can be kept.
"""

import contextlib
import math
import random
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import Connection, Server, print_machine, print_table

EXPERIMENT = "sweep"
METRICS = ["train/loss", "eval/loss", "eval/accuracy", "lr"] + [
    f"layer/{index:03}/norm" for index in range(196)
]
OPTIMIZERS = ("adam", "adamw", "sgd", "lion")
CURVES, CURVE_STEPS = 300, 1000
THREADS = 4


@contextlib.contextmanager
def server_on(folder: Path) -> Iterator[Server]:
    """A server over a data directory that stays."""
    server = Server()
    own = server.folder
    server.data = folder
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(own)


def connect(server: Server) -> Connection:
    token = (server.data / "keys/admin.token").read_text().strip()
    return Connection(server.url, token)


def batch_of(number: int) -> dict[str, Any]:
    chance = random.Random(number)
    rate, depth = 10 ** chance.uniform(-5, -1), chance.randrange(2, 33)
    accuracy = max(0.0, 0.95 - abs(math.log10(rate) + 3) / 8 + chance.gauss(0, 0.03))
    values = [1 - accuracy, 1.1 - accuracy, accuracy, rate]
    values += [chance.random() for _ in METRICS[4:]]
    now = 1_760_000_000_000 + number * 1000
    parameters = {"learning_rate": f"{rate:.6f}", "depth": str(depth), "seed": str(number)}
    parameters["optimizer"] = chance.choice(OPTIMIZERS)
    parameters |= {f"option_{index:02}": str(chance.randrange(10)) for index in range(96)}
    return {
        "metrics": [
            {"key": key, "value": value, "timestamp": now, "step": CURVE_STEPS}
            for key, value in zip(METRICS, values, strict=True)
        ],
        "params": [{"key": key, "value": value} for key, value in parameters.items()],
        "tags": [{"key": "team", "value": chance.choice(("vision", "speech", "text"))}],
    }


def curve_of(key: str, number: int) -> list[dict[str, Any]]:
    chance = random.Random(number)
    return [
        {
            "key": key,
            "value": math.exp(-step / 300) + chance.gauss(0, 0.02),
            "timestamp": 1_760_000_000_000 + step * 500,
            "step": step,
        }
        for step in range(CURVE_STEPS)
    ]


def seed_slice(server: Server, experiment: str, numbers: range) -> None:
    connection = connect(server)
    parent = ""
    api = "/api/2.0/mlflow/runs"
    for number in numbers:
        tags = []
        if number % 10 and parent:  # sweeps of ten
            tags.append({"key": "mlflow.parentRunId", "value": parent})
        created = connection.call(
            "POST",
            f"{api}/create",
            {
                "experiment_id": experiment,
                "run_name": f"trial-{number}",
                "start_time": 1_760_000_000_000 + number * 1000,
                "tags": tags,
            },
        )
        run = created["run"]["info"]["run_id"]
        if number % 10 == 0:
            parent = run
        connection.call("POST", f"{api}/log-batch", {"run_id": run, **batch_of(number)})
        if number < CURVES:
            for key in METRICS[:3]:
                points = curve_of(key, number)
                connection.call("POST", f"{api}/log-batch", {"run_id": run, "metrics": points})
        ended = {"run_id": run, "status": "FAILED" if number % 50 == 7 else "FINISHED"}
        ended["end_time"] = str(1_760_000_000_000 + number * 1000 + 600_000)
        connection.call("POST", f"{api}/update", ended)


def seed(folder: Path, runs: int) -> None:
    with server_on(folder) as server:
        made = connect(server).call(
            "POST", "/api/2.0/mlflow/experiments/create", {"name": EXPERIMENT}
        )
        share = -(-runs // THREADS // 10) * 10
        threads = [
            threading.Thread(
                target=seed_slice,
                args=(server, made["experiment_id"], range(start, min(runs, start + share))),
            )
            for start in range(0, runs, share)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{runs} runs in {time.monotonic() - began:.0f} s")


SEARCHES: list[tuple[str, str, list[str]]] = [
    ("newest first", "", []),
    ("filter by a metric", "metrics.`eval/accuracy` > 0.9", []),
    ("filter by a parameter", "params.optimizer = 'lion'", []),
    (
        "filter by three",
        "metrics.`eval/accuracy` > 0.8 AND params.depth = '8' AND tags.team = 'text'",
        [],
    ),
    ("order by a metric", "", ["metrics.`eval/accuracy` DESC"]),
    ("filter and order", "params.optimizer = 'adam'", ["metrics.`eval/loss` ASC"]),
    ("order by a parameter", "", ["params.learning_rate DESC"]),
    ("filter that nothing matches", "metrics.`eval/accuracy` > 2", []),
]  # fmt: skip


def milliseconds(call: Any, repeats: int = 15) -> tuple[float, float]:
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times), max(times)


def shown(times: tuple[float, float]) -> str:
    return f"{times[0]:.1f} / {times[1]:.1f} ms"


def measure_mlflow(connection: Connection, experiment: str) -> list[tuple[str, ...]]:
    rows = []
    for name, text, order in SEARCHES:
        body = {"experiment_ids": [experiment], "filter": text, "order_by": order}
        body["max_results"] = 100
        path = "/api/2.0/mlflow/runs/search"

        def search(body: dict[str, Any] = body, path: str = path) -> Any:
            return connection.call("POST", path, body)

        encoded = connection.encode("POST", path, body)
        rows.append((name, shown(milliseconds(lambda e=encoded: connection.send(e)))))
        page = 1
        while page < 21 and (token := search().get("next_page_token")) is not None:
            body["page_token"] = token
            page += 1
        if page < 21:
            rows[-1] += ("",)
            continue
        encoded = connection.encode("POST", path, body)
        deep = milliseconds(lambda e=encoded: connection.send(e))
        rows[-1] += (shown(deep),)
    return rows


def measure_portal(connection: Connection) -> list[tuple[str, ...]]:
    base = f"/api/v1/projects/default/experiments/{EXPERIMENT}"
    columns = [f"metrics.{key}" for key in METRICS[:10]]
    columns += [f"params.option_{index:02}" for index in range(6)]
    columns += ["params.learning_rate", "params.depth", "params.optimizer", "tags.team"]

    def timed(method: str, path: str, body: Any = None) -> tuple[Any, str]:
        encoded = connection.encode(method, base + path, body)
        answer = connection.call(method, base + path, body)
        return answer, shown(milliseconds(lambda: connection.send(encoded)))

    rows = []
    for name, text, order in SEARCHES:
        body = {"filter": text, "order_by": order, "columns": columns, "page_size": 100}
        answer, first = timed("POST", "/runs/search", body)
        page, deep = 1, ""
        while page < 100 and answer["next_page_token"] is not None:
            body["page_token"] = answer["next_page_token"]
            answer, page = connection.call("POST", base + "/runs/search", body), page + 1
        if page > 1:
            deep = timed("POST", "/runs/search", body)[1]
        rows.append((f"{name} ({answer['total']})", first, f"{deep} (page {page})" if deep else ""))
    few = {"columns": columns[:6], "page_size": 10_000}
    rows.append(("10,000 rows of 6 columns", timed("POST", "/runs/search", few)[1], ""))
    rows.append(("names of all columns", timed("GET", "/columns")[1], ""))
    rows.append(("values of a parameter", timed("GET", "/values?column=params.optimizer")[1], ""))
    groups = {"by": ["params.optimizer", "tags.team"], "metrics": METRICS[:3]}
    rows.append(("groups by 2 columns, 3 metrics", timed("POST", "/runs/group", groups)[1], ""))
    return rows


def measure_curves(connection: Connection) -> tuple[str, ...]:
    base = "/api/v1/projects/default"
    search = {"columns": [], "page_size": 300, "order_by": ["attributes.start_time ASC"]}
    found = connection.call("POST", f"{base}/experiments/{EXPERIMENT}/runs/search", search)
    runs = [run["id"] for run in found["items"] if int(run["name"].split("-")[1]) < CURVES][:200]
    body = {"runs": runs, "keys": [METRICS[0]], "points": 300}
    encoded = connection.encode("POST", f"{base}/metrics/read", body)
    return (
        f"curves of {len(runs)} runs",
        shown(milliseconds(lambda: connection.send(encoded))),
        "",
    )


def main() -> None:
    match sys.argv[1:]:
        case ["seed", folder, *rest]:
            seed(Path(folder), int(rest[0]) if rest else 30_000)
        case ["measure", folder]:
            print_machine()
            with server_on(Path(folder)) as server:
                connection = connect(server)
                found = connection.call(
                    "GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}"
                )
                experiment = found["experiment"]["experiment_id"]
                rows = measure_mlflow(connection, experiment)
                print_table(
                    "MLflow's runs/search, 100 runs with all they logged: median / worst",
                    [("search", "first page", "page 21"), *rows],
                )
                print_table(
                    "The portal's searches, 100 runs with 20 columns: median / worst",
                    [
                        ("search (matches)", "first page", "a late page"),
                        *measure_portal(connection),
                        measure_curves(connection),
                    ],
                )
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
