"""What the benchmarks share: a lean HTTP client, the servers that are compared, tables."""

import contextlib
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from maru_server import BINARY, CommandLine, Server  # noqa: E402, F401


class Connection:
    """One kept-alive HTTP/1.1 connection that costs the client little: the server is measured."""

    def __init__(self, url: str, token: str = "") -> None:
        host, port = url.removeprefix("http://").split(":")
        self._host = f"{host}:{port}"
        self._token = token
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def encode(self, method: str, path: str, body: Any = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(content)}\r\n"
        )
        head += "Content-Type: application/json\r\n"
        if self._token:
            head += f"Authorization: Bearer {self._token}\r\n"
        return head.encode() + b"\r\n" + content

    def send(self, request: bytes) -> bytes:
        """The answer's body; anything but a 200 ends the benchmark."""
        self._socket.sendall(request)
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._receive()
        head, self._buffer = self._buffer[:end].lower(), self._buffer[end + 4 :]
        if not head.startswith(b"http/1.1 200"):
            self._receive()
            raise RuntimeError(f"{request[:80]!r}: {head[:40]!r} {self._buffer[:300]!r}")
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return body

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.send(self.encode(method, path, body)))

    def _receive(self) -> None:
        piece = self._socket.recv(1 << 20)
        if not piece:
            # No SystemExit: it would end a pool's process without its parent being told.
            raise ConnectionError("the server closed the connection")
        self._buffer += piece


class MlflowServer:
    """`mlflow server` on SQLite with its own defaults, from the tests' environment."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="maru-bench-mlflow-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "MlflowServer":
        program = Path(sys.executable).parent / "mlflow"
        environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}"}
        self._process = subprocess.Popen(
            [
                program,
                "server",
                *("--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"),
                *("--artifacts-destination", str(self.folder / "artifacts")),
                *("--host", "127.0.0.1", "--port", self.url.rsplit(":", 1)[1]),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        wait_until_serves(self.url)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return [*parent.children(recursive=True), parent]


def wait_until_serves(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    host, port = url.removeprefix("http://").split(":")
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1) as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if s.recv(64).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.005)
    raise SystemExit(f"{url} did not serve within {seconds} s")


def memory_mib(processes: Sequence[psutil.Process]) -> float:
    """Proportional set size: what the processes together really take."""
    return sum(p.memory_full_info().pss for p in processes) / 2**20


def seconds_of(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def repeated(count: int, call: Callable[[], object]) -> list[float]:
    return [seconds_of(call) for _ in range(count)]


def median_ms(values: Sequence[float]) -> float:
    return statistics.median(values) * 1000


def percentile_ms(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="maru-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def print_machine() -> None:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    print(f"on {os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}")


def print_table(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """The first row names the columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(f"\n{title}")
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
