"""Runs the real binary for the tests: servers with data directories of their own, the client."""

import contextlib
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
BINARY = Path(os.environ.get("MARU_BINARY", ROOT / "build/release/maru"))
# Shared by all servers of all tests, so that packages are downloaded once.
UV_CACHE = ROOT / "build/tests-uv-cache"
READY = re.compile(r"maru is ready at (\S+)")
START_SECONDS = 60.0


class ServerFailed(Exception):
    """The server ended, or said nothing, before it was ready; the message holds its output."""


class Server:
    """`maru server` over one data directory; may be killed and started again over the same."""

    def __init__(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        """`before` are the words of a program that runs the server, such as setpriv."""
        self.folder = Path(tempfile.mkdtemp(prefix="maru-test-"))
        self.data = self.folder / "data"
        self.output: list[str] = []
        self.url = ""
        self._arguments = arguments
        self._variables = dict(variables or {})
        self._before = before
        self._listen = "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Server":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Life

    def start(self) -> None:
        """Start, and wait until it is ready; a later start listens on the same port."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MARU_")
        }
        environment |= {
            "MARU_UV": str(ROOT / "build/tools/bin/uv"),
            "MARU_UV_CACHE": str(UV_CACHE),
            "HOME": str(self.folder),
        }
        environment |= self._variables
        process = subprocess.Popen(
            [
                *self._before,
                BINARY,
                "server",
                "--data",
                self.data,
                "--listen",
                self._listen,
                *self._arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            cwd=self.folder,
        )
        self._process = process
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, args=(process, lines), daemon=True).start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise ServerFailed(f"not ready after {START_SECONDS} s:\n{self.tail()}") from None
            if line is None:
                raise ServerFailed(f"ended with {process.wait()}:\n{self.tail()}")
            if found := READY.search(line):
                self.url = found[1].rstrip("/")
                self._listen = self.url.removeprefix("http://").removeprefix("https://")
                return

    def _read(self, process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            lines.put(line)
        lines.put(None)

    def kill(self) -> None:
        """kill -9: nothing is flushed, nothing is told to anyone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self) -> None:
        self.stop()
        self.start()

    def tail(self, count: int = 60) -> str:
        return "".join(self.output[-count:])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def close(self) -> None:
        """End the server and all that it has started, and remove its files."""
        if self._process is not None and self._process.poll() is None:
            self._stop_workloads()
            self.kill()
        self._kill_left_processes()
        self._remove_cgroups()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop_workloads(self) -> None:
        with contextlib.suppress(Exception), self.client(timeout=5) as client:
            for project in client.get("/api/v1/projects").json()["items"]:
                path = f"/api/v1/projects/{project['name']}"
                active = client.get(f"{path}/jobs?state=active&kind=all").json()["items"]
                for job in active:
                    client.post(f"{path}/jobs/{job['id']}/stop", json={})

    def _kill_left_processes(self) -> None:
        """Supervisors outlive their server; their command lines and folders lie below our own."""
        left = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid == os.getpid():
                    continue
                words = process.cmdline()
                if any(str(self.folder) in word for word in words):
                    left.append(process)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=10)

    def _remove_cgroups(self) -> None:
        """Remove the groups of the engine, which are named after its folder."""
        name = hashlib.sha256(str(self.data / "engine").encode()).hexdigest()[:12]
        for _ in range(100):
            # Unlike rglob, walk does not mind that other servers' groups come and go.
            left = [
                Path(folder) / f"maru-{name}"
                for folder, below, _ in os.walk("/sys/fs/cgroup")
                if f"maru-{name}" in below
            ]
            for parent in left:
                with contextlib.suppress(OSError):
                    for child in parent.iterdir():
                        if child.is_dir():
                            child.rmdir()
                    parent.rmdir()
            if not left:
                return
            time.sleep(0.02)  # the kernel takes a moment to let go of a killed process

    # Use

    @property
    def token(self) -> str:
        """The admin's."""
        return (self.data / "keys/admin.token").read_text().strip()

    def client(self, token: str | None = None, timeout: float = 60) -> httpx.Client:
        authorization = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=self.url, headers=authorization, timeout=timeout)

    def project(self, name: str = "default") -> "Project":
        return Project(self, name)

    def new_project(self) -> "Project":
        """A project that no other test knows."""
        name = f"test-{time.monotonic_ns():x}"
        with self.client() as client:
            answer = client.post("/api/v1/projects", json={"name": name, "description": ""})
        assert answer.status_code == 200, answer.text
        return Project(self, name)


def lines_of(answer: httpx.Response) -> Iterator[str]:
    """Lines as event streams have them; httpx's own also end at U+0085 and U+2028."""
    left = b""
    for piece in answer.iter_raw():
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            yield line.decode()


class Project:
    """The API of one project, as the admin; an answer with another status fails the test."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.path = f"/api/v1/projects/{name}"

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int = 200,
        content: bytes | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:
        with self.server.client() as client:
            sent: dict[str, Any] = {"content": content} if content is not None else {"json": body}
            if body is None and content is None:
                sent = {}
            answer = client.request(method, self.path + path, params=query, **sent)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if answer.headers.get("content-type", "").startswith("application/json"):
            return answer.json()
        return answer.text

    def get(self, path: str, *, status: int = 200, **query: str | int) -> Any:
        return self.request("GET", path, status=status, query=query)

    def post(self, path: str, body: object, *, status: int = 200) -> Any:
        return self.request("POST", path, body, status=status)

    def delete(self, path: str, *, status: int = 200) -> Any:
        return self.request("DELETE", path, status=status)

    def run(self, *command: str, **fields: Any) -> str:
        """Queue a job; its id."""
        fields.setdefault("resources", {"cpu_milli": 100, "memory_mib": 256})
        job = self.post("/jobs", {"command": list(command), **fields})
        return str(job["id"])

    def upload_code(self, files: Mapping[str, str], executable: tuple[str, ...] = ()) -> str:
        """Keep files as a snapshot of code; its id."""
        listed = []
        for path, text in files.items():
            content = text.encode()
            digest = hashlib.sha256(content).hexdigest()
            self.request("PUT", f"/blobs/{digest}", content=content)
            listed.append(
                {
                    "path": path,
                    "sha256": digest,
                    "size_bytes": len(content),
                    "executable": path in executable,
                }
            )
        return str(self.post("/code-snapshots", {"files": listed})["id"])

    def follow(self, job: str, offset: int = 0) -> Iterator[tuple[str, Any]]:
        """The events of a job's log: ("log", {...}) until ("end", {...})."""
        with (
            self.server.client(timeout=300) as client,
            client.stream(
                "GET", f"{self.path}/jobs/{job}/logs", params={"follow": "true", "offset": offset}
            ) as answer,
        ):
            assert answer.status_code == 200, answer.read()
            name, data = "", ""
            for line in lines_of(answer):
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data += line.removeprefix("data: ")
                elif not line and name:
                    yield name, json.loads(data)
                    if name == "end":
                        return
                    name, data = "", ""

    def wait(self, job: str) -> Any:
        """The job, once it has ended."""
        for name, _ in self.follow(job):
            if name == "end":
                return self.get(f"/jobs/{job}")
        raise AssertionError(f"the log of job {job} ended without an end event")

    def wait_for_log(self, job: str, text: str) -> str:
        """Wait until the job's log holds a line with a text, whole; the log so far.

        An unbuffered Python writes a line and its end in two steps, so a signal sent at the text
        alone can come between them.
        """
        log = ""
        for name, data in self.follow(job):
            if name == "log":
                log += str(data["text"])
                if text in log and "\n" in log[log.index(text) :]:
                    return log
        raise AssertionError(f"job {job} ended without writing {text!r}:\n{log}")

    def log(self, job: str) -> str:
        return str(self.get(f"/jobs/{job}/logs"))

    def environment(self, requirements: str, name: str | None = None) -> Any:
        """An environment, built; fails the test with the build's log where it can't be."""
        created = self.post("/environments", {"requirements": requirements, "name": name})
        if created["state"] == "building":
            self.wait(created["build_job_id"])
        environment = self.get(f"/environments/{created['id']}")
        log = self.log(created["build_job_id"])
        assert environment["state"] == "ready", f"{environment['error']}\n{log}"
        return environment


class CommandLine:
    """Runs `maru` as a person would, against a server's project."""

    def __init__(self, server: Server, home: Path, project: str = "default") -> None:
        self.variables = {
            name: value for name, value in os.environ.items() if not name.startswith("MARU_")
        }
        self.variables |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "MARU_URL": server.url,
            "MARU_TOKEN": server.token,
            "MARU_PROJECT": project,
        }
        self.home = home

    def __call__(
        self,
        *arguments: str | Path,
        code: int = 0,
        cwd: Path | None = None,
        input: str | None = None,
        timeout: float = 240,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; any exit code but `code` fails the test."""
        result = subprocess.run(
            [BINARY, *map(str, arguments)],
            cwd=cwd or self.home,
            env=self.variables,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        assert result.returncode == code, (
            f"maru {' '.join(map(str, arguments))} exited with {result.returncode}, not {code}\n"
            f"--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
        )
        return result

    def json(self, *arguments: str | Path, **options: Any) -> Any:
        return json.loads(self(*arguments, "--json", **options).stdout)

    def start(self, *arguments: str | Path, cwd: Path | None = None) -> subprocess.Popen[str]:
        """Start without waiting; the test ends it."""
        return subprocess.Popen(
            [BINARY, *map(str, arguments)],
            cwd=cwd or self.home,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
