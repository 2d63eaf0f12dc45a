"""kill -9 of the server: what it acknowledged is there afterwards, and nothing has run twice."""

import random
import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from maru_server import CommandLine, Project, Server

# A training job in miniature: it goes on however often its server is gone.
TRAINING = """
import json, os, sys, time, urllib.request
url, project = os.environ["MARU_URL"], os.environ["MARU_PROJECT"]
def call(path, body):
    request = urllib.request.Request(
        f"{url}/p/{project}/api/2.0/mlflow/{path}", data=json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["MARU_TOKEN"],
                 "Content-Type": "application/json"})
    for _ in range(3000):
        try:
            return json.loads(urllib.request.urlopen(request, timeout=30).read())
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise SystemExit(f"{path}: {error.code} {error.read()}")
        except OSError:
            pass
        time.sleep(0.01)
    raise SystemExit("the server did not come back")
with open("started", "a") as file:
    file.write("x")
if os.path.getsize("started") != 1:
    raise SystemExit("started twice")
print("START", os.getpid())
run = os.environ["MARU_RUN_ID"]
for step in range(300):
    print("line", step)
    value = 1 / (step + 1)
    metric = {"run_id": run, "key": "loss", "value": value, "timestamp": step, "step": step}
    call("runs/log-metric", metric)
    if step % 50 == 0:
        call("runs/log-parameter", {"run_id": run, "key": f"p{step}", "value": str(step)})
print("END", os.path.getsize("started"))
sys.exit(7)
"""


def check_database(server: Server) -> None:
    """Reads the database of a server that is down, as the server left it."""
    with sqlite3.connect(server.data / "maru.db") as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert database.execute("pragma foreign_key_check").fetchall() == []


def experiment_of(project: Project, name: str) -> str:
    with project.server.client() as client:
        answer = client.post(
            f"/p/{project.name}/api/2.0/mlflow/experiments/create", json={"name": name}
        )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["experiment_id"])


def test_a_training_job_survives_its_server(own_server: Server) -> None:
    project = own_server.project()
    experiment_of(project, "survival")
    job = project.run("python3", "-c", TRAINING, experiment="survival")
    project.wait_for_log(job, "line 20\n")
    for step in (40, 120):
        own_server.kill()
        check_database(own_server)
        own_server.start()
        project.wait_for_log(job, f"line {step}\n")
    ended = project.wait(job)
    log = project.log(job).splitlines()
    assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("failed", 7, 1), log[-5:]
    assert log[0].startswith("START ")
    assert log[1:-1] == [f"line {step}" for step in range(300)]
    assert log[-1] == "END 1"
    run = project.get(f"/runs/{ended['run_id']}")
    assert (
        run["parameters"].items() >= {f"p{step}": str(step) for step in range(0, 300, 50)}.items()
    )
    points = project.get(f"/runs/{ended['run_id']}/metrics/loss", points=1000)["points"]
    assert {point["step"] for point in points} == set(range(300))
    assert run["status"] == "FAILED"
    events = [event["state"] for event in project.get(f"/jobs/{job}/events")["items"]]
    assert events == ["queued", "starting", "running", "failed"]


def test_a_job_that_ends_while_the_server_is_down(own_server: Server) -> None:
    project = own_server.project()
    # The job sees nothing of this machine: a signal to it is the only way to tell it.
    code = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('ready', flush=True)
signal.sigwait([signal.SIGTERM])
exit(42)
"""
    job = project.run("python3", "-c", code)
    project.wait_for_log(job, "ready")
    own_server.kill()
    inner = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if _reads(path).startswith(f"python3\0-c\0{code}".encode())
    ]
    assert len(inner) == 1
    subprocess.run(["kill", "-TERM", str(inner[0])], check=True)
    while Path(f"/proc/{inner[0]}").exists():
        time.sleep(0.005)
    own_server.start()
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 42)
    assert project.log(job) == "ready\n"


def _reads(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_kills_between_the_states_of_jobs(own_server: Server) -> None:
    """Every job runs once (or as often as its retries say), whenever the server dies."""
    project = own_server.project()
    chance = random.Random(20261122)
    jobs: list[tuple[str, int]] = []
    for _ in range(8):
        for _ in range(3):
            retries = chance.choice([0, 0, 1])
            resources = {"cpu_milli": 50, "memory_mib": 64}
            command = ["sh", "-c", f"echo ran >&2; exit {retries * 3}"]
            jobs.append((project.run(*command, retries=retries, resources=resources), retries))
        killer = threading.Timer(chance.uniform(0, 0.25), own_server.kill)
        killer.start()
        killer.join()
        own_server.start()
    for job, retries in jobs:
        ended = project.wait(job)
        expected = ("failed", 3, 2) if retries else ("succeeded", 0, 1)
        assert (ended["state"], ended["exit_code"], ended["attempt"]) == expected, ended
        assert project.log(job).count("ran\n") == retries + 1, project.log(job)
    own_server.stop()
    check_database(own_server)
    _check_no_leftovers(own_server, [job for job, _ in jobs])


def _check_no_leftovers(server: Server, jobs: list[str]) -> None:
    """After the next start nothing is left of ended jobs but their logs."""
    server.start()
    deadline = time.monotonic() + 30
    while left := [
        str(path)
        for path in [
            *(server.data / "engine").iterdir(),
            *(p for job in jobs for p in (server.data / "workloads" / job).iterdir()),
        ]
        if path.name != "logs"
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
    with sqlite3.connect(server.data / "maru.db") as database:
        tokens = database.execute("select count(*) from tokens where kind = 'workload'")
        assert tokens.fetchone() == (0,)


def test_a_stop_is_not_forgotten(own_server: Server) -> None:
    project = own_server.project()
    code = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
print("ready", flush=True)
while True: time.sleep(600)
"""
    job = project.run("python3", "-c", code, stop_grace_s=2)
    project.wait_for_log(job, "ready")
    project.post(f"/jobs/{job}/stop", {})
    own_server.kill()
    own_server.start()
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("stopped", 137)
    assert "asked\n" in project.log(job)


def test_a_stop_as_soon_as_the_server_is_back(own_server: Server) -> None:
    """Until it has taken up what runs, it answers nothing rather than something wrong."""
    project = own_server.project()
    job = project.run("sh", "-c", "echo ready; sleep 600")
    project.wait_for_log(job, "ready")
    statuses: list[int] = []
    done = threading.Event()

    def stop_again_and_again() -> None:
        headers = {"Authorization": f"Bearer {own_server.token}"}
        url = f"{own_server.url}{project.path}/jobs/{job}/stop"
        with httpx.Client(headers=headers) as client:
            while not done.is_set() and 200 not in statuses:
                try:
                    statuses.append(client.post(url, json={}).status_code)
                except httpx.TransportError:
                    continue

    own_server.kill()
    client = threading.Thread(target=stop_again_and_again)
    client.start()
    own_server.start()
    ended = project.wait(job)
    done.set()
    client.join()
    assert ended["state"] == "stopped"
    assert set(statuses) <= {200, 503}


def test_a_follower_comes_back_where_it_was(own_server: Server) -> None:
    project = own_server.project()
    code = "import time\nfor i in range(400): print(i, flush=True); time.sleep(0.005)"
    job = project.run("python3", "-c", code)
    text, kills = "", 0
    deadline = time.monotonic() + 120
    while True:
        assert time.monotonic() < deadline
        try:
            for event, data in project.follow(job, offset=len(text)):
                if event == "end":
                    assert text == "".join(f"{i}\n" for i in range(400))
                    assert data["state"] == "succeeded"
                    return
                text += data["text"]
                if len(text) > 200 * (kills + 1) and kills < 3:
                    kills += 1
                    own_server.kill()
                    own_server.start()
        except (httpx.TransportError, AssertionError) as error:
            if isinstance(error, AssertionError) and "without an end" not in str(error):
                raise


# The script of changes


class Script:
    """Makes changes of every kind and remembers which were acknowledged."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server = server
        self.chance = random.Random(seed)
        self.kept: dict[str, Callable[[], None]] = {}
        self.gone: dict[str, Callable[[], None]] = {}
        self.count = 0
        self.keys: dict[str, str | None] = {}
        self.client: httpx.Client
        self.experiment = ""
        self.run = ""

    def prepare(self) -> None:
        self.project = self.server.project()
        with self.server.client() as self.client:
            self.experiment = self.mlflow("experiments/create", name="script")["experiment_id"]
            body = {"experiment_id": self.experiment, "start_time": 1}
            self.run = self.mlflow("runs/create", **body)["run"]["info"]["run_id"]
            self.mlflow("registered-models/create", name="model")

    def go(self, kill_after_s: float) -> None:
        """One change after the other, until the server is killed."""
        actions = [
            self.make_project, self.make_user, self.make_token, self.queue_job, self.make_run,
            self.log_batch, self.make_version, self.set_alias, self.upload_artifact,
            self.upload_blob, self.make_environment, self.delete_experiment, self.remove_alias,
        ]  # fmt: skip
        with self.server.client(timeout=30) as self.client:
            self.get("/health")
            killer = threading.Timer(kill_after_s, self.server.kill)
            killer.start()
            while True:
                self.count += 1
                try:
                    self.chance.choice(actions)(f"n{self.count}")
                except httpx.TransportError:
                    killer.join()
                    return

    def check(self) -> None:
        with self.server.client() as self.client:
            for what, check in [*self.kept.items(), *self.gone.items()]:
                try:
                    check()
                except AssertionError as error:
                    raise AssertionError(f"lost: {what}") from error

    def call(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        sent: dict[str, Any] = {"json": body} if body is not None else {}
        answer = self.client.request(method, path, **sent, **options)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content

    def mlflow(self, path: str, **body: Any) -> Any:
        return self.call("POST", f"/p/default/api/2.0/mlflow/{path}", body)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def expect(self, path: str, **fields: Any) -> None:
        found = self.get(path)
        assert {name: found[name] for name in fields} == fields

    def make_project(self, name: str) -> None:
        self.call("POST", "/api/v1/projects", {"name": name, "description": f"of {name}"})
        path = f"/api/v1/projects/{name}"
        self.kept[f"project {name}"] = lambda: self.expect(path, description=f"of {name}")

    def make_user(self, name: str) -> None:
        body = {"name": name, "display_name": name.upper(), "password": f"password-of-{name}"}
        self.call("POST", "/api/v1/users", body)
        self.call("PUT", f"/api/v1/projects/default/members/{name}", {"role": "viewer"})

        def check() -> None:
            members = self.get("/api/v1/projects/default/members?page_size=1000")["items"]
            assert {"user": name, "role": "viewer"} in members

        self.kept[f"member {name}"] = check

    def make_token(self, name: str) -> None:
        made = self.call("POST", "/api/v1/tokens", {"name": name, "scopes": ["read"]})

        def check() -> None:
            headers = {"Authorization": f"Bearer {made['secret']}"}
            assert httpx.get(f"{self.server.url}/api/v1/session", headers=headers).is_success

        self.kept[f"token {name}"] = check

    def queue_job(self, name: str) -> None:
        key = f"key-{name}"
        self.keys[key] = None
        body = {"command": ["true"], "name": name, "resources": {"cpu_milli": 10, "memory_mib": 16}}
        headers = {"Idempotency-Key": key}
        job = self.call("POST", "/api/v1/projects/default/jobs", body, headers=headers)
        self.keys[key] = job["id"]
        path = f"/api/v1/projects/default/jobs/{job['id']}"
        self.kept[f"job {name}"] = lambda: self.expect(path, name=name)

    def make_run(self, name: str) -> None:
        body = {"experiment_id": self.experiment, "run_name": name, "start_time": 1}
        run = self.mlflow("runs/create", **body)["run"]["info"]["run_id"]
        path = f"/api/v1/projects/default/runs/{run}"
        self.kept[f"run {name}"] = lambda: self.expect(path, name=name)

    def log_batch(self, name: str) -> None:
        metrics = [{"key": name, "value": i, "timestamp": i, "step": i} for i in range(50)]
        params = [{"key": f"{name}-{i}", "value": "v"} for i in range(10)]
        self.mlflow("runs/log-batch", run_id=self.run, metrics=metrics, params=params)

        def check() -> None:
            path = f"/api/v1/projects/default/runs/{self.run}"
            points = self.get(f"{path}/metrics/{name}?points=1000")
            assert [point["value"] for point in points["points"]] == list(range(50))
            assert {f"{name}-{i}" for i in range(10)} <= set(self.get(path)["parameters"])

        self.kept[f"batch {name}"] = check

    def make_version(self, name: str) -> None:
        made = self.mlflow("model-versions/create", name="model", source=f"runs:/{self.run}/{name}")
        version = made["model_version"]["version"]
        path = f"/api/v1/projects/default/models/model/versions/{version}"
        self.kept[f"version {version}"] = lambda: self.expect(path, version=int(version))

    def set_alias(self, name: str) -> None:
        self.make_version(name)
        version = int(list(self.kept)[-1].removeprefix("version "))
        path = f"/api/v1/projects/default/models/model/aliases/a{name}"
        self.call("PUT", path, {"version": version})

        def check() -> None:
            aliases = self.get("/api/v1/projects/default/models/model")["aliases"]
            assert aliases[f"a{name}"] == version

        self.kept[f"alias a{name}"] = check

    def remove_alias(self, name: str) -> None:
        self.set_alias(name)
        del self.kept[f"alias a{name}"]
        self.call("DELETE", f"/api/v1/projects/default/models/model/aliases/a{name}")

        def check() -> None:
            model = self.get("/api/v1/projects/default/models/model")
            assert f"a{name}" not in model["aliases"]

        self.gone[f"alias a{name}"] = check

    def upload_artifact(self, name: str) -> None:
        content = self.chance.randbytes(200_000)
        path = f"{self.experiment}/{self.run}/artifacts/{name}.bin"
        target = f"/p/default/api/2.0/mlflow-artifacts/artifacts/{path}"
        self.call("PUT", target, content=content)

        def check() -> None:
            assert self.get(target) == content

        self.kept[f"artifact {name}"] = check

    def upload_blob(self, name: str) -> None:
        content = self.chance.randbytes(100_000)
        digest = _sha256(content)
        self.call("PUT", f"/api/v1/projects/default/blobs/{digest}", content=content)
        file = {"path": "f", "sha256": digest, "size_bytes": len(content), "executable": False}
        made = self.call("POST", "/api/v1/projects/default/code-snapshots", {"files": [file]})
        path = f"/api/v1/projects/default/code-snapshots/{made['id']}"
        self.kept[f"snapshot {name}"] = lambda: self.expect(path, size_bytes=len(content))

    def make_environment(self, name: str) -> None:
        # Not to be built: no node has what its builds would need, once the jobs have it all.
        body = {"requirements": f"maru-no-such-package-{name}", "name": name}
        made = self.call("POST", "/api/v1/projects/default/environments", body)
        path = f"/api/v1/projects/default/environments/{made['id']}"
        self.kept[f"environment {name}"] = lambda: self.expect(path, name=name)

    def delete_experiment(self, name: str) -> None:
        made = self.mlflow("experiments/create", name=name)["experiment_id"]
        self.mlflow("experiments/delete", experiment_id=made)

        def check() -> None:
            found = self.get(f"/p/default/api/2.0/mlflow/experiments/get?experiment_id={made}")
            assert found["experiment"]["lifecycle_stage"] == "deleted"

        self.gone[f"experiment {name}"] = check


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def check_blobs(server: Server) -> None:
    """Every object is whole: its name is its digest."""
    for path in (server.data / "blobs").glob("??/*"):
        assert _sha256(path.read_bytes()) == path.parent.name + path.name, path


@pytest.mark.parametrize("seed", range(2))
def test_whatever_was_acknowledged_is_there(own_server: Server, seed: int) -> None:
    script = Script(own_server, seed)
    script.prepare()
    chance = random.Random(seed)
    for _ in range(10):
        script.go(chance.uniform(0.01, 0.5))
        check_database(own_server)
        check_blobs(own_server)
        own_server.start()
    script.check()
    assert len(script.kept) > 20
    _check_keys(script)


def _check_keys(script: Script) -> None:
    """Asking again with the same key never queues a second job."""
    project = script.project
    path = "/api/v1/projects/default/jobs"
    with script.server.client() as client:
        for key, known in script.keys.items():
            name = key.removeprefix("key-")
            body = {
                "command": ["true"],
                "name": name,
                "resources": {"cpu_milli": 10, "memory_mib": 16},
            }
            answer = client.post(path, json=body, headers={"Idempotency-Key": key})
            assert answer.status_code in (200, 409), answer.text
            if known is not None and answer.status_code == 200:
                assert answer.json()["id"] == known
    names: list[str] = []
    token = ""
    while token is not None:
        page = project.get("/jobs", page_size=1000, page_token=token)
        names += [job["name"] for job in page["items"]]
        token = page["next_page_token"]
    assert len(names) == len(set(names))
    assert {key.removeprefix("key-") for key in script.keys} <= set(names)


def test_a_kill_during_maru_run(own_server: Server, tmp_path: Path) -> None:
    """Whatever the command line says at the end, the job is queued at most once a command."""
    code = tmp_path / "code"
    code.mkdir()
    for number in range(40):
        (code / f"data{number}.bin").write_bytes(random.Random(number).randbytes(100_000))
    (code / "main.py").write_text("import os; print('files', len(os.listdir('.')))\n")
    maru = CommandLine(own_server, tmp_path)
    chance = random.Random(5)
    for number in range(4):
        command = maru.start("run", "--name", f"r{number}", "python3", "main.py", cwd=code)
        threading.Event().wait(chance.uniform(0.0, 0.3))  # the moment is what varies here
        own_server.kill()
        own_server.start()
        out, err = command.communicate(timeout=120)
        assert command.returncode in (0, 1, 2, 3, 4, 5), f"{command.returncode}\n{out}\n{err}"
        if command.returncode == 0:
            assert re.search(r"files 4\d", out + err), out + err
        else:
            assert "error" in err, f"{out}\n{err}"
        assert "terminate called" not in err
        check_blobs(own_server)
    jobs = own_server.project().get("/jobs")["items"]
    names = [job["name"] for job in jobs]
    assert len(names) == len(set(names)), names
    for job in jobs:
        assert own_server.project().wait(job["id"])["state"] == "succeeded"
    maru("run", "--name", "last", "python3", "main.py", cwd=code)
