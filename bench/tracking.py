"""Experiment tracking beside `mlflow server` on SQLite, in one run.

Writes over REST, search among 30,000 runs, a history of 1,000,000 points,
artifacts, memory at the end. Loopback only, and every loop is bounded.

usage: tracking.py [writes] [reads] [artifacts]      all of them without a name
"""

import http.client
import itertools
import json
import multiprocessing
import os
import random
import sqlite3
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

import psutil
from measure import (
    Connection,
    MlflowServer,
    Server,
    median_ms,
    memory_mib,
    print_machine,
    print_table,
    repeated,
    seconds_of,
)

RUNS = 30_000
METRICS, PARAMETERS = 20, 10
POINTS = 1_000_000
ARTIFACT_MIB = 256
START = 1_700_000_000_000


def create_run(connection: Connection, experiment: str = "0", start: int = START) -> str:
    body = {"experiment_id": experiment, "start_time": start}
    return str(
        connection.call("POST", "/api/2.0/mlflow/runs/create", body)["run"]["info"]["run_id"]
    )


def run_rate(url: str, token: str, seconds: float) -> float:
    """Runs created a second over one connection."""
    connection = Connection(url, token)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        create_run(connection)
        count += 1
    return count / (time.perf_counter() - begin)


def metric_rate(url: str, token: str, seconds: float) -> float:
    """log_metric calls a second over one connection."""
    connection = Connection(url, token)
    run = create_run(connection)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        body = {
            "run_id": run,
            "key": "loss",
            "value": 0.5,
            "timestamp": START + count,
            "step": count,
        }
        connection.send(connection.encode("POST", "/api/2.0/mlflow/runs/log-metric", body))
        count += 1
    return count / (time.perf_counter() - begin)


def batch_rate(url: str, token: str, seconds: float) -> float:
    """Rows of log_batch a second over one connection, 1,000 a request; the requests are made
    beforehand, since making them takes longer than the server needs."""
    connection = Connection(url, token)
    run = create_run(connection)
    requests = [
        connection.encode(
            "POST",
            "/api/2.0/mlflow/runs/log-batch",
            {
                "run_id": run,
                "metrics": [
                    {
                        "key": f"m{i % 10}",
                        "value": random.random(),
                        "timestamp": START + batch * 1000 + i,
                        "step": batch * 100 + i // 10,
                    }
                    for i in range(1000)
                ],
            },
        )
        for batch in range(min(2000, int(400 * seconds)))
    ]
    count, begin = 0, time.perf_counter()
    for request in requests:
        connection.send(request)
        count += 1000
        if time.perf_counter() - begin > seconds:
            break
    return count / (time.perf_counter() - begin)


def _call(arguments: tuple[Callable[[str, str, float], float], str, str, float]) -> float:
    function, *rest = arguments
    return function(*rest)


def eight(
    function: Callable[[str, str, float], float],
) -> Callable[[str, str, float], float]:
    """The sum of eight clients at once, each a process."""

    def measure(url: str, token: str, seconds: float) -> float:
        with multiprocessing.get_context("spawn").Pool(8) as pool:
            return sum(pool.map(_call, [(function, url, token, seconds)] * 8))

    return measure


def writes() -> None:
    measured: list[tuple[str, Callable[[str, str, float], float], str]] = [
        ("create_run/s, one client", run_rate, "≥ 50×"),
        ("log_metric/s, one client", metric_rate, "≥ 50×"),
        ("log_batch rows/s, one client", batch_rate, "≥ 30×, ≥ 100,000"),
        ("create_run/s, eight clients", eight(run_rate), "≥ 50×"),
        ("log_metric/s, eight clients", eight(metric_rate), "≥ 50×"),
        ("log_batch rows/s, eight clients", eight(batch_rate), "≥ 30×"),
    ]
    ours: list[list[float]] = [[] for _ in measured]
    theirs: list[list[float]] = [[] for _ in measured]
    # In turns, so that a machine that slows down slows both.
    for _ in range(3):
        with Server() as server:
            for figures, (_, function, _) in zip(ours, measured, strict=True):
                figures.append(function(server.url, server.token, 3))
        with MlflowServer() as mlflow:
            for figures, (_, function, _) in zip(theirs, measured, strict=True):
                figures.append(function(mlflow.url, "", 3))
    rows: list[tuple[str, ...]] = [("", "maru", "mlflow server", "ratio", "goal")]
    for (name, _, goal), mine, other in zip(measured, ours, theirs, strict=True):
        a, b = sorted(mine)[1], sorted(other)[1]
        rows.append((name, f"{a:,.0f}", f"{b:,.0f}", f"{a / b:.0f}×", goal))
    print_table("Writes over REST, durable on SQLite, median of 3", rows)


class Values:
    """The same data for both: values of run number i."""

    def __init__(self) -> None:
        chance = random.Random(1)
        self.metrics = [[chance.random() for _ in range(METRICS)] for _ in range(RUNS)]
        self.parameters = [
            [str(chance.randrange(10)) for _ in range(PARAMETERS)] for _ in range(RUNS)
        ]


def fill_maru(server: Server, values: Values) -> str:
    """30,000 runs and one of a million points, through the API; returns the latter's id."""

    def fill(numbers: range) -> None:
        connection = Connection(server.url, server.token)
        for i in numbers:
            run = create_run(connection, start=START + i)
            body = {
                "run_id": run,
                "metrics": [
                    {"key": f"m{k}", "value": v, "timestamp": START, "step": 0}
                    for k, v in enumerate(values.metrics[i])
                ],
                "params": [
                    {"key": f"p{k}", "value": v} for k, v in enumerate(values.parameters[i])
                ],
            }
            connection.call("POST", "/api/2.0/mlflow/runs/log-batch", body)

    threads = [threading.Thread(target=fill, args=(range(n, RUNS, 8),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = Connection(server.url, server.token)
    long = create_run(connection, start=0)
    for batch in range(POINTS // 1000):
        body = {
            "run_id": long,
            "metrics": [
                {"key": "loss", "value": 1 / (i + 1), "timestamp": START + i, "step": i}
                for i in range(batch * 1000, batch * 1000 + 1000)
            ],
        }
        connection.call("POST", "/api/2.0/mlflow/runs/log-batch", body)
    return long


def fill_mlflow(server: MlflowServer, values: Values) -> str:
    """The same, straight into its database: through its API it would take most of an hour."""
    connection = Connection(server.url)
    long = create_run(connection, start=0)
    database = sqlite3.connect(server.folder / "mlflow.db")
    columns = [row[1] for row in database.execute("pragma table_info(runs)")]
    (model,) = database.execute(f"select {','.join(columns)} from runs where run_uuid = ?", (long,))
    marks = ",".join("?" * len(columns))
    for i in range(RUNS):
        run = uuid.UUID(int=i + 1).hex
        row = dict(zip(columns, model, strict=True))
        row |= {"run_uuid": run, "start_time": START + i}
        row["artifact_uri"] = str(row["artifact_uri"]).replace(long, run)
        database.execute(
            f"insert into runs ({','.join(columns)}) values ({marks})", [*row.values()]
        )
        metrics = [(f"m{k}", v, START, 0, 0, run) for k, v in enumerate(values.metrics[i])]
        for table in ("metrics", "latest_metrics"):
            database.executemany(
                f"insert into {table} (key, value, timestamp, step, is_nan, run_uuid)"
                " values (?,?,?,?,?,?)",
                metrics,
            )
        database.executemany(
            "insert into params (key, value, run_uuid) values (?,?,?)",
            [(f"p{k}", v, run) for k, v in enumerate(values.parameters[i])],
        )
    database.executemany(
        "insert into metrics (key, value, timestamp, step, is_nan, run_uuid)"
        " values ('loss',?,?,?,0,?)",
        ((1 / (i + 1), START + i, i, long) for i in range(POINTS)),
    )
    database.execute(
        "insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
        " values ('loss',?,?,?,0,?)",
        (1 / POINTS, START + POINTS - 1, POINTS - 1, long),
    )
    database.commit()
    database.close()
    return long


SEARCHES: dict[str, dict[str, Any]] = {
    "the newest 100 runs": {},
    "filtered by metric and parameter": {
        "filter": "metrics.m1 > 0.9 AND params.p1 = '3' AND metrics.m2 < 0.5"
    },
    "the 100 best by a metric": {"order_by": ["metrics.m1 DESC"]},
    "page 50 of all": {"pages": 50},
}


def search(connection: Connection, query: dict[str, Any]) -> list[float]:
    query = dict(query)
    pages = query.pop("pages", 1)
    body = {"experiment_ids": ["0"], "max_results": 100, **query}
    for _ in range(pages - 1):
        body["page_token"] = connection.call("POST", "/api/2.0/mlflow/runs/search", body)[
            "next_page_token"
        ]
    request = connection.encode("POST", "/api/2.0/mlflow/runs/search", body)
    answer = json.loads(connection.send(request))
    assert len(answer["runs"]) == 100, len(answer.get("runs", []))
    return repeated(5, lambda: connection.send(request))


def get(url: str, token: str, path: str) -> int:
    """Reads an answer of any size; returns its bytes."""
    host = urllib.parse.urlsplit(url).netloc
    client = http.client.HTTPConnection(host, timeout=600)
    client.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = client.getresponse()
    assert answer.status == 200, answer.read(500)
    size = 0
    while piece := answer.read(1 << 20):
        size += len(piece)
    client.close()
    return size


def reads() -> None:
    values = Values()
    figures: dict[str, list[list[float]]] = {}
    sizes = []
    memory = []
    for make in (Server, MlflowServer):
        with make() as server:
            token = server.token if isinstance(server, Server) else ""
            long = (
                fill_maru(server, values)
                if isinstance(server, Server)
                else fill_mlflow(server, values)
            )
            connection = Connection(server.url, token)
            for name, query in SEARCHES.items():
                figures.setdefault(f"search, {name}", []).append(search(connection, query))
            path = f"/api/2.0/mlflow/metrics/get-history?run_id={long}&metric_key=loss"
            taken = []
            for _ in range(3):
                begin = time.perf_counter()
                sizes.append(get(server.url, token, path))
                taken.append(time.perf_counter() - begin)
            figures.setdefault("history of 1,000,000 points", []).append(taken)
            processes = (
                [psutil.Process(server.pid)] if isinstance(server, Server) else server.processes()
            )
            memory.append(memory_mib(processes))
    rows: list[tuple[str, ...]] = [("", "maru", "mlflow server", "ratio", "goal")]
    for name, (mine, other) in figures.items():
        a, b = median_ms(mine), median_ms(other)
        rows.append((name, f"{a:,.1f} ms", f"{b:,.0f} ms", f"1/{b / a:.0f}", "≤ 1/20"))
    rows.append(
        (
            "memory at the end (PSS)",
            f"{memory[0]:.0f} MiB",
            f"{memory[1]:,.0f} MiB",
            f"1/{memory[1] / memory[0]:.0f}",
            "≤ 1/20",
        )
    )
    title = f"Reads over REST among {RUNS:,} runs of {METRICS} metrics and {PARAMETERS} parameters"
    print_table(title, rows)


def artifacts() -> None:
    content = os.urandom(1 << 20)
    figures = []
    for make in (Server, MlflowServer):
        with make() as server:
            token = server.token if isinstance(server, Server) else ""
            run = create_run(Connection(server.url, token))
            numbers = itertools.count()

            def transfer(
                server: Server | MlflowServer = server,
                token: str = token,
                run: str = run,
                numbers: Any = numbers,
            ) -> tuple[float, float]:
                path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{next(numbers)}.bin"
                host = urllib.parse.urlsplit(server.url).netloc
                client = http.client.HTTPConnection(host, timeout=600)
                # Content that differs each time: nothing is there already.
                pieces = [os.urandom(64) + content[64:] for _ in range(ARTIFACT_MIB)]
                headers = {"Content-Length": str(ARTIFACT_MIB << 20)}
                if token:
                    headers["Authorization"] = f"Bearer {token}"

                def upload() -> None:
                    client.request("PUT", path, body=iter(pieces), headers=headers)
                    answer = client.getresponse()
                    assert answer.status == 200, answer.read(500)
                    answer.read()

                up = seconds_of(upload)
                down = seconds_of(lambda: get(server.url, token, path))
                return ARTIFACT_MIB / up, ARTIFACT_MIB / down

            rates = [transfer() for _ in range(3)]
            figures.append([sorted(rate[i] for rate in rates)[1] for i in (0, 1)])
    rows: list[tuple[str, ...]] = [("", "maru", "mlflow server", "ratio")]
    for i, name in enumerate(("upload MB/s", "download MB/s")):
        a, b = figures[0][i], figures[1][i]
        rows.append((name, f"{a:,.0f}", f"{b:,.0f}", f"{a / b:.1f}×"))
    print_table(f"An artifact of {ARTIFACT_MIB} MiB through the server, median of 3", rows)


BENCHMARKS = {"writes": writes, "reads": reads, "artifacts": artifacts}

if __name__ == "__main__":
    print_machine()
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
