"""kill -9 of the server under full load of writers: every acknowledged point is there once."""

import random
import sqlite3
import threading
import time
from collections import Counter
from typing import Any

import httpx
import pytest
from maru_server import Server

WRITERS = 8
Point = tuple[str, str, float, int, int]  # run, key, value, timestamp, step


class Writer:
    """Logs batches as fast as it can and notes which were acknowledged; one without an answer is
    sent again, as a client would."""

    def __init__(self, number: int, runs: list[str]) -> None:
        self.number, self.runs = number, runs
        self.random = random.Random(number)
        self.count = 0
        self.acknowledged: list[Point] = []
        self.unsure: list[Point] = []  # the batch that the kill caught

    def batch(self) -> list[Point]:
        run = self.random.choice(self.runs)
        size = self.random.choice([1, 7, 400, 1000])
        points = []
        for _ in range(size):
            self.count += 1
            # Times that come late and steps that come again are among them; the value is unique.
            late = self.random.choice([0, 0, 0, 5000])
            key = f"m{self.count % self.random.choice([3, 40])}"
            points.append(
                (
                    run,
                    key,
                    self.number + self.count / 2**24,
                    1_700_000_000_000 + self.count * 10 - late,
                    self.count % 1000,
                )
            )
        return points

    def write(self, server: Server, stop: threading.Event) -> None:
        with server.client(timeout=20) as client:
            while not stop.is_set():
                if not self.unsure:
                    self.unsure = self.batch()
                metrics = [
                    {"key": key, "value": value, "timestamp": at, "step": step}
                    for _, key, value, at, step in self.unsure
                ]
                try:
                    answer = client.post(
                        "/api/2.0/mlflow/runs/log-batch",
                        json={"run_id": self.unsure[0][0], "metrics": metrics},
                    )
                except httpx.HTTPError:
                    return  # the server is gone
                assert answer.status_code == 200, answer.text
                self.acknowledged += self.unsure
                self.unsure = []


def stored(server: Server, runs: list[str]) -> Counter[Point]:
    points: Counter[Point] = Counter()
    with server.client() as client:

        def call(path: str, **query: Any) -> Any:
            answer = client.get(f"/api/2.0/mlflow/{path}", params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        for run in runs:
            data = call("runs/get", run_id=run)["run"]["data"]
            for metric in data.get("metrics", []):
                history = call("metrics/get-history", run_id=run, metric_key=metric["key"])
                for point in history["metrics"]:
                    points[
                        (
                            run,
                            point["key"],
                            float(point["value"]),
                            int(point["timestamp"]),
                            int(point["step"]),
                        )
                    ] += 1
    return points


def check(server: Server, runs: list[str], writers: list[Writer]) -> int:
    there = stored(server, runs)
    twice = [point for point, count in there.items() if count > 1]
    assert not twice, twice[:5]
    for writer in writers:
        missing = [point for point in writer.acknowledged if point not in there]
        assert not missing, (len(missing), missing[:5])
    known = {p for writer in writers for p in writer.acknowledged + writer.unsure}
    foreign = [point for point in there if point not in known]
    assert not foreign, foreign[:5]
    return len(there)


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)])
def test_acknowledged_points_survive_kills(own_server: Server, kills: int) -> None:
    chance = random.Random(kills)
    with own_server.client() as client:
        runs = [
            client.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).json()["run"][
                "info"
            ]["run_id"]
            for _ in range(3)
        ]
    writers = [Writer(number, runs) for number in range(1, WRITERS + 1)]
    for kill in range(kills):
        stop = threading.Event()
        threads = [
            threading.Thread(target=writer.write, args=(own_server, stop)) for writer in writers
        ]
        before = sum(len(writer.acknowledged) for writer in writers)
        for thread in threads:
            thread.start()
        while sum(len(writer.acknowledged) for writer in writers) == before:
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 1.2))
        own_server.kill()
        for thread in threads:
            thread.join()
        stop.set()
        with sqlite3.connect(own_server.data / "maru.db") as database:
            assert database.execute("pragma quick_check").fetchall() == [("ok",)]
        own_server.start()
        if kills - kill <= 2 or kill % 10 == 0:
            check(own_server, runs, writers)
    total = check(own_server, runs, writers)
    print(f"{total} points after {kills} kills")
