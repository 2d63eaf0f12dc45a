"""The same requests to `mlflow server` and to maru: same status, code, message and body."""

import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from maru_server import Server
from protocols.mlflow_cases import (
    artifacts,
    experiments,
    logged_models,
    metrics,
    registry,
    runs,
    search,
    server_routes,
    webhooks,
)
from protocols.mlflow_cases.case import Case
from protocols.mlflow_cases.differences import KNOWN, known

STORIES: dict[str, list[Case]] = {
    "experiments": experiments.CASES,
    "runs": runs.CASES,
    "metrics": metrics.CASES,
    "search": search.CASES,
    "artifacts": artifacts.CASES,
    "logged models": logged_models.CASES,
    "registry": registry.CASES,
    "server": server_routes.CASES,
    "webhooks": webhooks.CASES,
}
START_SECONDS = 120.0
RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-\d{1,4}")
TIMES = re.compile(r".*(_time|timestamp|timestamp_ms)$")
# Python's sets print in any order, and differently with each start.
SETS = re.compile(r"(Valid keys are|not one of|mandatory fields:) .*", re.DOTALL)
# What the client makes of error_code by itself.
DERIVED = ("sqlstate", "error_class")


@contextlib.contextmanager
def mlflow_server() -> Iterator[str]:
    """The real one on a free port, over an empty SQLite database; its host and port."""
    folder = Path(tempfile.mkdtemp(prefix="maru-mlflow-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment |= {"MLFLOW_LOGGING_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    environment["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"] = base64.urlsafe_b64encode(
        bytes(32)
    ).decode()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment.get('PATH', '')}"
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "mlflow", "server", "--workers", "1",
                "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
                "--artifacts-destination", str(folder / "artifacts"),
                "--host", "127.0.0.1", "--port", str(port), "--disable-security-middleware",
            ],
            stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                pytest.fail(f"mlflow server did not start:\n{(folder / 'output').read_text()}")
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        if process.poll() is None:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


class Side:
    """One of the two servers, and what it called the things that the cases made."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._headers = headers
        self._kept: dict[str, str] = {}

    def forget(self) -> None:
        self._kept = {}

    def __call__(self, case: Case) -> tuple[int, Any]:
        path = self._fill(case.path)
        target = path if path.startswith("/") else f"/api/2.0/mlflow/{path}"
        if case.query:
            target += "?" + urlencode(self._fill(case.query), doseq=True)
        content = case.raw
        if content is None and case.body is not None:
            content = json.dumps(self._fill(case.body)).encode()
        headers = dict(self._headers)
        if content is not None and case.media_type:
            headers["Content-Type"] = case.media_type
        self._connection.request(case.method, target, body=content, headers=headers)
        answer = self._connection.getresponse()
        received = answer.read()
        try:
            body = json.loads(received)
        except ValueError:
            body = received.decode(errors="replace") or {}
        for name, place in case.keep.items():
            self._kept[name] = pick(body, place)
        return answer.status, self._plain(body)

    def _fill(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, kept in self._kept.items():
                value = value.replace("{" + name + "}", str(kept))
            return value
        if isinstance(value, dict):
            return {self._fill(k): self._fill(v) for k, v in value.items()}
        return [self._fill(item) for item in value] if isinstance(value, list) else value

    def _plain(self, value: Any, field: str = "") -> Any:
        """Without what differs from run to run: ids, times, names that were thought up."""
        if isinstance(value, dict):
            named = value.get("key") == "mlflow.runName"
            plain = {k: self._plain(v, "run_name" if named else k) for k, v in value.items()}
            # An empty text or list and an absent one are the same to protobuf.
            if plain.get("user_id") == "admin":  # of the real one nobody is signed in
                plain["user_id"] = ""
            return {k: v for k, v in plain.items() if v not in ("", [], {}) and k not in DERIVED}
        if isinstance(value, list):
            items = [self._plain(item, field) for item in value]
            keyed = all(isinstance(i, dict) and ("key" in i or "alias" in i) for i in items)
            if keyed and len({i.get("key", i.get("alias")) for i in items}) == len(items):
                items.sort(key=lambda i: str(i.get("key", i.get("alias"))))
            return items
        if isinstance(value, int) and TIMES.match(field) and value > 1_500_000_000_000:
            return "<time>"
        if not isinstance(value, str):
            return value
        if field == "next_page_token":
            return "<token>"
        if field in ("run_name", "name") and RANDOM_NAME.fullmatch(value):
            return "<name>"
        for name, kept in self._kept.items():
            if len(kept) > 8:
                value = value.replace(kept, f"<{name}>")
            elif name.startswith("e"):  # an experiment's number
                value = re.sub(rf"(^|:/|'){kept}(/|$)", rf"\1<{name}>\2", value)
        value = re.sub(r"\bm-[0-9a-f]{32}\b", "<model>", value)
        return re.sub(r"\b[0-9a-f]{32}\b", "<id>", value)


def pick(body: Any, place: str) -> Any:
    for part in place.split("."):
        body = body[int(part)] if isinstance(body, list) else body.get(part, "")
    return body


def same(real: tuple[int, Any], ours: tuple[int, Any]) -> bool:
    if real == ours:
        return True
    if real[0] != ours[0] or not (isinstance(real[1], dict) and isinstance(ours[1], dict)):
        return False
    if real[1].get("error_code") is None or real[1].get("error_code") != ours[1].get("error_code"):
        return False
    texts = [str(side[1].get("message", "")) for side in (real, ours)]
    return SETS.sub(r"\1", texts[0]) == SETS.sub(r"\1", texts[1])


def test_answers_are_those_of_mlflow(own_server: Server) -> None:
    with mlflow_server() as address:
        real = Side(address, {})
        token = {"Authorization": f"Bearer {own_server.token}"}
        ours = Side(own_server.url.removeprefix("http://"), token)
        found, reasons = [], set()
        for story, cases in STORIES.items():
            real.forget()
            ours.forget()
            for case in cases:
                answer = (real(case), ours(case))
                if same(*answer):
                    continue
                reason = known(case, *answer)
                if reason is not None:
                    reasons.add(reason)
                    continue
                shown = [f"{status} {json.dumps(body)[:700]}" for status, body in answer]
                found.append(f"[{story}] {case}\n  mlflow: {shown[0]}\n  maru:   {shown[1]}")
        count = sum(len(cases) for cases in STORIES.values())
        assert count > 300
        assert not found, f"{len(found)} of {count} cases:\n" + "\n".join(found)
        gone = [text for text, _ in KNOWN if text not in reasons]
        assert not gone, f"differences that are none any more: {gone}"
