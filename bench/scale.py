"""100,000,000 metric points in 30,000 runs: what a point takes on the disk, how long a chart takes.

Written through the REST API as eight clients would. Loopback only, bounded; needs about ten
minutes and 2 GB of disk.

usage: scale.py [POINTS [RUNS]]
"""

import json
import math
import multiprocessing
import random
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from measure import (
    Connection,
    Server,
    median_ms,
    memory_mib,
    percentile_ms,
    print_machine,
    print_table,
    repeated,
    seconds_of,
)

START = 1_700_000_000_000
# What a training script and its autologging report; single precision where frameworks have it.
METRICS = (
    "train/loss",
    "train/accuracy",
    "train/gradient_norm",
    "val/loss",
    "val/accuracy",
    "learning_rate",
    "epoch",
    "samples_per_second",
    "system/gpu_0_utilization_percentage",
    "system/gpu_0_memory_usage_megabytes",
)


def single(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def row(step: int, steps: int, chance: random.Random) -> list[float]:
    done = step / steps
    loss = 2.3 * math.exp(-3 * done)
    noise = chance.random
    return [
        single(loss + 0.1 * noise()),
        round(64 * min(1, 1 - loss / 3 + 0.05 * noise())) / 64,  # of a batch of 64
        single(1 + 0.5 * noise()),
        single(loss + 0.2 + 0.02 * noise()),
        round(10_000 * (1 - loss / 3) + 50 * noise()) / 10_000,  # of 10,000 samples
        0.05 * (1 + math.cos(math.pi * done)),
        float(step // 100),
        single(1500 + 100 * noise()),
        float(round(80 + 20 * noise())),
        round(60_000 + 100 * noise(), 1),
    ]


def write_runs(arguments: tuple[str, str, int, int, int]) -> int:
    """Logs so many runs' points, 100 steps a request, as a training loop that logs in batches."""
    url, token, runs, points, seed = arguments
    connection = Connection(url, token)
    chance = random.Random(seed)
    steps = points // runs // len(METRICS)
    written = 0
    for _ in range(runs):
        answer = connection.call(
            "POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0", "start_time": START}
        )
        run = answer["run"]["info"]["run_id"]
        at = START
        for first in range(0, steps, 100):
            rows = []
            for step in range(first, min(first + 100, steps)):
                at += 2000 + chance.randrange(50)
                rows += [
                    f'{{"key":"{key}","value":{value!r},"timestamp":{at},"step":{step}}}'
                    for key, value in zip(METRICS, row(step, steps, chance), strict=True)
                ]
            written += len(rows)
            body = f'{{"run_id":"{run}","metrics":[{",".join(rows)}]}}'.encode()
            head = connection.encode("POST", "/api/2.0/mlflow/runs/log-batch").replace(
                b"Content-Length: 0", f"Content-Length: {len(body)}".encode()
            )
            connection.send(head + body)
    return written


def number(data: Path, query: str) -> int:
    with sqlite3.connect(f"file:{data / 'maru.db'}?mode=ro", uri=True) as database:
        return int(database.execute(query).fetchone()[0])


def seconds_until(done: Callable[[], bool]) -> float:
    begin = time.perf_counter()
    while not done() and time.perf_counter() - begin < 1200:
        time.sleep(1)
    return time.perf_counter() - begin


def is_at_rest(data: Path) -> bool:
    """Whether the server has given back what compaction freed, but for what it keeps for more."""
    free, pages = number(data, "pragma freelist_count"), number(data, "pragma page_count")
    return free <= max(4096, pages // 8)


def main() -> None:
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 30_000
    print_machine()
    with Server() as server:
        empty_start = [seconds_of(server.restart) for _ in range(5)]
        clients = 8
        work = [
            (server.url, server.token, runs // clients, points // clients, seed)
            for seed in range(clients)
        ]
        begin = time.perf_counter()
        with multiprocessing.get_context("spawn").Pool(clients) as pool:
            written = sum(pool.map(write_runs, work))
        write_s = time.perf_counter() - begin
        compact_s = seconds_until(
            lambda: number(server.data, "select count(*) from tracking_batches") == 0
        )
        connection = Connection(server.url, server.token)
        found = connection.call(
            "POST", "/api/2.0/mlflow/runs/search", {"experiment_ids": ["0"], "max_results": 200}
        )["runs"]
        ids = [run["info"]["run_id"] for run in found]
        charts = {}
        for key in ("train/loss", "val/accuracy"):
            body = {"runs": ids, "keys": [key], "points": 500}
            request = connection.encode("POST", "/api/v1/projects/default/metrics/read", body)
            assert len(json.loads(connection.send(request))["items"]) == len(ids)
            charts[key] = repeated(20, lambda request=request: connection.send(request))  # type: ignore[misc]
        memory = memory_mib([psutil.Process(server.pid)])
        full_start = [seconds_of(server.restart) for _ in range(5)]
        shrink_s = seconds_until(lambda: is_at_rest(server.data))
        server.stop()
        stored = (server.data / "maru.db").stat().st_size
    print_table(
        f"{written:,} points in {runs:,} runs of {len(METRICS)} metrics",
        [
            ("", "measured", "goal"),
            ("written, eight clients", f"{written / write_s:,.0f} points/s", "≥ 100,000"),
            ("compacted after the last write", f"{compact_s:.0f} s", ""),
            ("free space given back after that", f"{shrink_s:.0f} s", ""),
            ("database, everything included", f"{stored / 2**20:,.0f} MiB", ""),
            ("a point", f"{stored / written:.2f} bytes", "≤ 4"),
            *(
                (
                    f"chart of {key} over {len(found)} runs, p50 / p99",
                    f"{median_ms(values):.0f} / {percentile_ms(values, 99):.0f} ms",
                    "≤ 100 ms",
                )
                for key, values in charts.items()
            ),
            ("memory (PSS)", f"{memory:.0f} MiB", ""),
            (
                "start to ready, empty / full",
                f"{median_ms(empty_start):.0f} / {median_ms(full_start):.0f} ms",
                "the same",
            ),
        ],
    )


if __name__ == "__main__":
    main()
