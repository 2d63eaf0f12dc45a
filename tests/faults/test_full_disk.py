"""A full disk: what can't be kept is refused, what was acknowledged stays, and it passes."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from maru_server import Project, Server

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
FULL = (429, 507)


class SmallDisk:
    """A file system of its own for a server's data, which can be filled to the last byte."""

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        folder.mkdir()
        options = f"size={size_mib}m,mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "maru-test", folder], check=True)

    def fill(self) -> None:
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        filler.write(b"\0" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def remove(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@pytest.fixture
def disk(new_server: Callable[..., Server]) -> Iterator[tuple[Server, SmallDisk]]:
    server = new_server()
    server.stop()
    disk = SmallDisk(server.folder / "disk", 48)
    server.data = disk.folder / "data"
    try:
        server.start()
        yield server, disk
    finally:
        server.close()
        disk.remove()


def make_run(project: Project) -> tuple[str, str]:
    """An experiment and a run in it."""
    with project.server.client() as client:
        path = f"/p/{project.name}/api/2.0/mlflow"
        made = client.post(f"{path}/experiments/create", json={"name": "e"}).json()
        body = {"experiment_id": made["experiment_id"], "start_time": 1}
        run = client.post(f"{path}/runs/create", json=body).json()
    return made["experiment_id"], run["run"]["info"]["run_id"]


def test_writes_are_refused_and_reads_go_on(disk: tuple[Server, SmallDisk]) -> None:
    server, small = disk
    project = server.project()
    experiment, run = make_run(project)
    mlflow = f"/p/{project.name}/api/2.0/mlflow"
    artifact = f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts"
    writes: dict[str, tuple[str, str, dict[str, Any]]] = {
        "project": ("POST", "/api/v1/projects", {"json": {"name": "p", "description": ""}}),
        "job": ("POST", f"{project.path}/jobs", {"json": {"command": ["true"]}}),
        "token": ("POST", "/api/v1/tokens", {"json": {"name": "t", "scopes": ["read"]}}),
        "metric": (
            "POST",
            f"{mlflow}/runs/log-metric",
            {"json": {"run_id": run, "key": "k", "value": 1, "timestamp": 1, "step": 1}},
        ),
        "artifact": ("PUT", f"{artifact}/big.bin", {"content": b"x" * 3_000_000}),
    }
    acknowledged = 0
    small.fill()
    with server.client() as client:
        for _ in range(30):
            for what, (method, path, body) in writes.items():
                answer = client.request(method, path, **body)
                if what == "metric" and answer.status_code == 200:
                    acknowledged += 1
                # The write-ahead log has room left from before: some small writes still fit.
                assert answer.status_code in (200, 409, *FULL), f"{what}: {answer.text}"
            small.fill()
        for what, (method, path, body) in writes.items():
            answer = client.request(method, path, **body)
            assert answer.status_code in FULL, f"{what}: {answer.status_code} {answer.text}"
            said = answer.text.lower()
            assert "resource_exhausted" in said, said
        for path in ("/health", "/api/v1/status", f"{project.path}/jobs", f"{project.path}/runs"):
            assert client.get(path).status_code == 200, path
        small.free()
        body = {"name": "after", "description": ""}
        assert client.post("/api/v1/projects", json=body).status_code == 200
        answer = client.put(f"{artifact}/big.bin", content=b"x" * 3_000_000)
        assert answer.status_code == 200, answer.text
        assert client.get(f"{artifact}/big.bin").content == b"x" * 3_000_000
        found = project.get(f"/runs/{run}/metrics/k") if acknowledged else {"total": 0}
        assert found["total"] >= min(acknowledged, 1)
    assert project.wait(project.run("true"))["state"] == "succeeded"
    assert list((server.data / "blobs/uploads").iterdir()) == []
    server.kill()
    server.start()
    assert run in [item["id"] for item in project.get("/runs")["items"]]


def test_a_job_that_ends_meanwhile(disk: tuple[Server, SmallDisk]) -> None:
    server, small = disk
    project = server.project()
    code = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
exit(43)
"""
    job = project.run("python3", "-c", code)
    project.wait_for_log(job, "ready")
    inner = _processes_of(code)
    assert len(inner) == 1
    small.fill()
    _fill_the_log(server, small)
    subprocess.run(["kill", "-TERM", str(inner[0])], check=True)
    while Path(f"/proc/{inner[0]}").exists():
        time.sleep(0.005)
    with server.client() as client:
        assert client.get("/health").status_code == 200
    assert project.get(f"/jobs/{job}")["state"] in ("running", "failed")
    small.free()
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 43)


def test_a_job_that_cannot_begin(disk: tuple[Server, SmallDisk]) -> None:
    """It may fail with the reason, or begin once there is room; it is never stuck."""
    server, small = disk
    project = server.project()
    small.fill()
    queued = []
    with server.client() as client:
        for _ in range(50):
            answer = client.post(f"{project.path}/jobs", json={"command": ["true"]})
            assert answer.status_code in (200, *FULL), answer.text
            if answer.status_code == 200:
                queued.append(answer.json()["id"])
        small.fill()
    small.free()
    for job in queued:
        ended = project.wait(job)
        if ended["state"] != "succeeded":
            assert ended["state"] == "failed"
            assert "could not be started" in ended["reason"] or "cannot start" in ended["reason"]
    assert project.wait(project.run("true"))["state"] == "succeeded"


def test_a_restart_on_a_full_disk(disk: tuple[Server, SmallDisk]) -> None:
    server, small = disk
    project = server.project()
    job = project.run("sh", "-c", "echo ready; sleep 600")
    project.wait_for_log(job, "ready")
    small.fill()
    server.kill()
    server.start()
    assert project.get(f"/jobs/{job}")["state"] == "running"
    small.free()
    project.post(f"/jobs/{job}/stop", {})
    assert project.wait(job)["state"] == "stopped"


def _fill_the_log(server: Server, small: SmallDisk) -> None:
    """Writes until the database has no room left in its write-ahead log either."""
    with server.client() as client:
        for number in range(2000):
            body = {"name": f"fill-{number}", "description": "x" * 1000}
            if client.post("/api/v1/projects", json=body).status_code in FULL:
                return
            small.fill()
    raise AssertionError("2000 writes fit on a full disk")


def _processes_of(code: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(f"python3\0-c\0{code}".encode()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
