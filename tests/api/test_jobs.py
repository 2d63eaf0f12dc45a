"""How jobs end, wait, are followed and are kept apart, on the real engine."""

import json
import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from maru_server import Project, Server, lines_of

SLEEP = "import time; print('running', flush=True); time.sleep(600)"


def python(project: Project, program: str, **fields: Any) -> str:
    return project.run("python3", "-u", "-c", program, **fields)


def stop(project: Project, job: str) -> Any:
    project.post(f"/jobs/{job}/stop", {})
    return project.wait(job)


def states(project: Project, job: str) -> list[str]:
    return [event["state"] for event in project.get(f"/jobs/{job}/events")["items"]]


# How they end


def test_an_exception(project: Project) -> None:
    job = python(project, "def train():\n    raise ValueError('no such column: age')\ntrain()")
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 1)
    assert "code 1" in ended["reason"]
    log = project.log(job)
    assert "Traceback (most recent call last)" in log
    assert log.endswith("ValueError: no such column: age\n")
    assert states(project, job) == ["queued", "starting", "running", "failed"]


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_codes(project: Project, code: int) -> None:
    ended = project.wait(project.run("sh", "-c", f"exit {code}"))
    assert ended["exit_code"] == code
    assert ended["state"] == ("failed" if code else "succeeded")


def test_a_signal(project: Project) -> None:
    ended = project.wait(project.run("sh", "-c", "kill -SEGV $$"))
    assert (ended["state"], ended["exit_code"]) == ("failed", 139)
    assert "SIGSEGV" in ended["reason"]


def test_a_program_that_does_not_exist(project: Project) -> None:
    job = project.run("no-such-program", "--flag")
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 127)
    assert "no-such-program" in ended["reason"]
    assert "no-such-program" in project.log(job)


def test_more_memory_than_its_limit(project: Project) -> None:
    code = "data = []\nwhile True: data.append(b'x' * (1 << 20))"
    job = python(project, code, resources={"cpu_milli": 500, "memory_mib": 64})
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", 137)
    assert "memory limit of 64 MiB" in ended["reason"]
    if os.geteuid() == 0:  # others may lack cgroups; what is found by looking is found late
        assert ended["usage"]["memory_peak_bytes"] <= 65 << 20


def test_what_a_running_job_has_used_so_far(project: Project) -> None:
    job = python(project, "held = bytearray(50 << 20)\nwhile True: pass")
    deadline = time.monotonic() + 120
    used = {"cpu_s": 0, "memory_peak_bytes": 0}
    while used["cpu_s"] == 0 or used["memory_peak_bytes"] <= 50 << 20:
        assert time.monotonic() < deadline, used
        time.sleep(0.2)
        used = project.get(f"/jobs/{job}")["usage"]
    project.post(f"/jobs/{job}/stop", {})
    assert project.wait(job)["usage"]["cpu_s"] >= used["cpu_s"]


def test_one_that_ignores_sigterm(project: Project) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
    job = python(project, code + SLEEP.replace("(600)", "(600);" * 9), stop_grace_s=1)
    project.wait_for_log(job, "running")
    ended = stop(project, job)
    assert (ended["state"], ended["exit_code"]) == ("stopped", 137)
    assert "stopped by admin" in ended["reason"]
    assert "no\n" in project.log(job)


def test_one_that_heeds_sigterm(project: Project) -> None:
    code = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye')))\n"
    job = python(project, code + SLEEP, stop_grace_s=60)
    project.wait_for_log(job, "running")
    assert stop(project, job)["state"] in ("stopped", "succeeded")
    assert project.log(job) == "running\nbye\n"


def test_a_time_limit(project: Project) -> None:
    ended = project.wait(python(project, SLEEP, time_limit_s=1, stop_grace_s=1, retries=3))
    assert ended["state"] == "failed"
    assert "time limit of 1 s" in ended["reason"]
    assert ended["attempt"] == 1


def test_retries(project: Project) -> None:
    job = project.run("sh", "-c", "echo trying; exit 9", retries=2)
    ended = project.wait(job)
    assert (ended["state"], ended["exit_code"], ended["attempt"]) == ("failed", 9, 3)
    assert project.log(job).count("trying\n") == 3
    assert states(project, job).count("running") == 3


def test_a_retry_that_succeeds(project: Project) -> None:
    """What an attempt leaves in its folder is not there for the next."""
    code = "import os; print(os.listdir('.')); open('left', 'w'); os._exit(5)"
    job = python(project, code, retries=1)
    ended = project.wait(job)
    assert ended["attempt"] == 2
    assert project.log(job).count("[]") == 2
    again = project.post(f"/jobs/{job}/retry", {})
    assert again["id"] != job
    assert (again["command"], again["retries"]) == (ended["command"], 1)
    assert project.wait(again["id"])["exit_code"] == 5


def test_processes_left_behind_end_with_the_job(project: Project) -> None:
    job = project.run("sh", "-c", "(sleep 600; echo late) & (setsid sleep 600 &) ; echo done")
    assert project.wait(job)["state"] == "succeeded"
    assert project.log(job) == "done\n"


# Waiting


@pytest.fixture
def full(own_server: Server) -> tuple[Project, str]:
    """A project on a server whose processors are all taken by one job."""
    project = own_server.project()
    with own_server.client() as client:
        node = client.get("/api/v1/status").json()["nodes"][0]
    resources = {"cpu_milli": node["cpu_milli"], "memory_mib": 64}
    job = python(project, SLEEP, resources=resources)
    project.wait_for_log(job, "running")
    return project, job


def test_why_a_job_waits(full: tuple[Project, str]) -> None:
    project, running = full
    first, second = project.run("true"), project.run("true")
    deadline = time.monotonic() + 30
    while (why := project.get(f"/jobs/{second}/why"))["position"] is None:
        assert time.monotonic() < deadline, why
    assert why["position"] == 2
    why = project.get(f"/jobs/{first}/why")
    assert why["position"] == 1
    assert "CPU" in why["reason"]
    stop(project, running)
    assert project.wait(first)["state"] == "succeeded"
    assert project.wait(second)["state"] == "succeeded"


def test_stop_while_queued(full: tuple[Project, str]) -> None:
    project, running = full
    job = project.run("echo", "never")
    ended = stop(project, job)
    assert (ended["state"], ended["exit_code"]) == ("stopped", None)
    assert states(project, job) == ["queued", "stopped"]
    stop(project, running)
    assert project.get(f"/jobs/{job}")["state"] == "stopped"
    assert project.log(job) == ""


def test_stop_twice_and_after_the_end(project: Project) -> None:
    job = project.run("true")
    assert project.wait(job)["state"] == "succeeded"
    assert stop(project, job)["state"] == "succeeded"
    assert len(states(project, job)) == 4


def test_stop_while_its_environment_is_built(full: tuple[Project, str]) -> None:
    project, running = full
    environment = project.post("/environments", {"requirements": "iniconfig==2.0.0"})
    assert environment["state"] == "building"
    job = project.run("true", environment=environment["id"])
    assert stop(project, job)["state"] == "stopped"
    assert states(project, job) == ["queued", "stopped"]
    stop(project, running)
    project.wait(environment["build_job_id"])
    assert project.get(f"/environments/{environment['id']}")["state"] == "ready"
    assert project.get(f"/jobs/{job}")["state"] == "stopped"


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ({"cpu_milli": 10_000_000}, "CPU"),
        ({"memory_mib": 1 << 30}, "memory"),
        ({"gpus": 1000}, "GPU"),
        ({"cpu_milli": 0}, "resources.cpu_milli"),
        ({"memory_mib": -1}, "resources.memory_mib"),
        ({"gpus": "two"}, "resources.gpus"),
    ],
)
def test_resources_that_can_never_fit(
    project: Project, resources: dict[str, Any], named: str
) -> None:
    refused = project.post("/jobs", {"command": ["true"], "resources": resources}, status=400)
    assert refused["error"]["code"] == "invalid_argument"
    assert named in refused["error"]["message"]
    assert project.get("/jobs")["items"] == []


def test_fifty_at_once(project: Project) -> None:
    jobs = [project.run("sh", "-c", f"echo {i}; exit 0") for i in range(50)]
    for number, job in enumerate(jobs):
        ended = project.wait(job)
        assert ended["state"] == "succeeded", ended
        assert project.log(job) == f"{number}\n"
        assert states(project, job) == ["queued", "starting", "running", "succeeded"]


# Following


def read_events(
    project: Project, path: str, last_id: str | None, enough: Callable[[str, str, Any], bool]
) -> list[tuple[str, str, Any]]:
    """(id, event, data) of a stream until `enough` says so, then hangs up."""
    events = []
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    with (
        project.server.client(timeout=60) as client,
        client.stream("GET", project.path + path, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        fields: dict[str, str] = {}
        for line in lines_of(answer):
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                event = fields.get("id", ""), fields["event"], json.loads(fields["data"])
                events.append(event)
                fields = {}
                if enough(*event):
                    break
    return events


def test_a_log_resumed_at_every_event_has_each_byte_once(project: Project) -> None:
    words = "æøå \U0001f600"
    code = f"for i in range(300): print(i, '{words}' * 20, flush=True)"
    job = python(project, code)
    text, last, ended, streams = "", None, False, 0
    while not ended:
        streams += 1
        pieces = streams % 3 + 1
        seen = [0]

        def enough(_id: str, event: str, _data: Any, seen: list[int] = seen) -> bool:
            seen[0] += 1
            return event == "end" or seen[0] == pieces  # noqa: B023

        events = read_events(project, f"/jobs/{job}/logs?follow=true", last, enough)
        for last, event, data in events:
            if event == "log":
                text += data["text"]
                assert data["offset"] == int(last)
                assert len(text.encode()) == int(last)
            ended = event == "end"
    assert text == "".join(f"{i} {words * 20}\n" for i in range(300))
    assert text == project.log(job)


def test_a_log_of_any_bytes(project: Project) -> None:
    code = "import os, random; random.seed(1); os.write(1, random.randbytes(300_000))"
    job = python(project, code)
    assert project.wait(job)["state"] == "succeeded"
    ids = [
        int(number)
        for number, event, _ in read_events(
            project, f"/jobs/{job}/logs?follow=true", None, lambda _i, event, _d: event == "end"
        )
        if event == "log"
    ]
    assert ids == sorted(set(ids))
    assert ids[-1] == 300_000
    with project.server.client() as client:
        path = f"{project.path}/jobs/{job}/logs"
        assert len(client.get(path).content) == 300_000
        part = client.get(path, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert len(part.content) == 1000


def test_events_resumed(project: Project) -> None:
    first = project.get("/jobs")  # makes sure that the project is there
    assert first["items"] == []
    numbers: list[str] = []
    started = threading.Event()

    def follow() -> None:
        def enough(_id: str, _event: str, data: Any) -> bool:
            started.set()
            return bool(data["state"] == "running")

        numbers.extend(i for i, _, _ in read_events(project, "/events?after=0", None, enough))

    follower = threading.Thread(target=follow)
    follower.start()
    job = project.run("sh", "-c", "echo here; exit 4")
    follower.join(timeout=60)
    assert started.is_set()
    project.wait(job)
    rest = read_events(
        project, "/events", numbers[-1], lambda _i, _e, data: data["state"] == "failed"
    )
    seen = [*numbers, *(number for number, _, _ in rest)]
    listed = project.get(f"/jobs/{job}/events")["items"]
    assert seen == [str(event["number"]) for event in listed]
    assert [event["state"] for event in listed] == ["queued", "starting", "running", "failed"]


# Kept apart


def test_a_token_of_its_own_that_ends_with_it(project: Project) -> None:
    code = """
import os, urllib.request, urllib.error, json
def call(method, path, body=None):
    request = urllib.request.Request(
        os.environ["MARU_URL"] + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + os.environ["MARU_TOKEN"],
                 "Content-Type": "application/json"})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
own = "/api/v1/projects/" + os.environ["MARU_PROJECT"]
mlflow = "/p/" + os.environ["MARU_PROJECT"] + "/api/2.0/mlflow"
print(json.dumps({
    "own": call("GET", own + "/jobs"),
    "other": call("GET", "/api/v1/projects/default/jobs"),
    "user": call("POST", "/api/v1/users", {"name": "evil", "password": "long-enough-1"}),
    "users": call("GET", "/api/v1/users"),
    "token": call("POST", "/api/v1/tokens", {"name": "evil", "scopes": ["read", "write"]}),
    "project": call("POST", "/api/v1/projects", {"name": "evil", "description": ""}),
    "member": call("PUT", own + "/members/evil", {"role": "owner"}),
    "delete": call("DELETE", own),
    "password": call("POST", "/api/v1/session/password", {"new_password": "long-enough-1"}),
    "audit": call("GET", "/api/v1/audit"),
    "run": call("POST", mlflow + "/experiments/create", {"name": "e"}),
}))
print("TOKEN", os.environ["MARU_TOKEN"])
"""
    job = python(project, code)
    assert project.wait(job)["state"] == "succeeded", project.log(job)
    statuses, _, token = project.log(job).partition("\nTOKEN ")
    said = json.loads(statuses)
    assert (said.pop("own"), said.pop("run")) == (200, 200)
    assert said.pop("other") in (403, 404)
    assert set(said.values()) <= {403, 404}, said
    with project.server.client(token=token.strip()) as client:
        assert client.get(f"{project.path}/jobs").status_code == 401
    with project.server.client() as client:
        users = [user["name"] for user in client.get("/api/v1/users").json()["items"]]
    assert "evil" not in users


def test_nothing_of_the_server_or_of_other_jobs_is_seen(project: Project) -> None:
    other = python(project, f"open('secret', 'w').write('mine')\n{SLEEP}")
    project.wait_for_log(other, "running")
    data = str(project.server.data)
    code = f"""
import os, pathlib
print("uid", os.getuid(), os.geteuid(), os.getgid(), os.getgroups())
print("processes", sorted(int(p) for p in os.listdir("/proc") if p.isdigit()))
seen = []
data = {data!r}
for path in [data, data + "/maru.db", data + "/keys/admin.token", data + "/workloads",
             "/root", "/etc/shadow", "/sys/fs/cgroup/memory", "/home", "/workspace/../workloads",
             "/proc/1/environ", "/proc/1/root/etc/shadow", "/dev/mem", "/dev/sda", "/dev/vda"]:
    try:
        found = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
        seen.append((path, found))
    except OSError:
        pass
print("seen", [(path, found) for path, found in seen if found])
for path in ["/", "/etc", "/usr", "/usr/bin", "/proc/sys/kernel", "/sys"]:
    try:
        open(path + "/written", "w")
        print("wrote", path)
    except OSError:
        pass
for call in ["os.setuid(0)", "os.chroot('/tmp')", "os.mkfifo('/dev/x')", "os.kill(1, 9)"]:
    try:
        eval(call)
        print("did", call)
    except OSError:
        pass
print("secrets", list(pathlib.Path("/").glob("workspace/secret")))
print("variables", sorted(name for name in os.environ if "PYTEST" in name))
"""
    job = python(project, code)
    assert project.wait(job)["state"] == "succeeded", project.log(job)
    lines = dict(line.split(" ", 1) for line in project.log(job).splitlines())
    user, effective, group, *groups = lines["uid"].replace("[", "").replace("]", "").split(" ")
    assert user == effective
    assert "0" not in (user, group)
    assert groups in ([""], [group])
    assert len(json.loads(lines["processes"])) <= 4
    assert lines["seen"] == "[]", lines["seen"]
    assert "wrote" not in lines
    assert lines.get("did") in (None, "os.kill(1, 9)"), lines
    assert lines["secrets"] == "[]"
    assert lines["variables"] == "[]"
    assert stop(project, other)["state"] == "stopped"


def test_no_variables_of_the_server_reach_a_job(
    new_server: Callable[..., Server],
) -> None:
    server = new_server(variables={"AWS_SECRET_ACCESS_KEY": "secret-of-the-operator"})
    project = server.project()
    job = project.run("env")
    project.wait(job)
    assert "secret-of-the-operator" not in project.log(job)


def test_files_of_a_job_are_removed_with_it(own_server: Server) -> None:
    project = own_server.project()
    job = project.run("sh", "-c", "echo kept; head -c 1000000 /dev/zero > big; exit 1", retries=1)
    project.wait(job)
    folder = Path(own_server.data) / "workloads" / job
    deadline = time.monotonic() + 30
    while left := [str(path) for path in folder.rglob("big")]:
        assert time.monotonic() < deadline, left
    assert project.log(job).count("kept\n") == 2


def test_a_follower_of_a_job_that_waits_hears_of_its_end(full: tuple[Project, str]) -> None:
    project, _ = full
    job = project.run("true")
    ends: list[Any] = []
    follower = threading.Thread(target=lambda: ends.append(project.wait(job)))
    follower.start()
    project.post(f"/jobs/{job}/stop", {})
    follower.join(timeout=60)
    assert [end["state"] for end in ends] == ["stopped"]


def test_a_replayed_key_queues_once(project: Project) -> None:
    body = {"command": ["true"]}
    with project.server.client() as client:
        key = {"Idempotency-Key": "one-and-only"}

        def submit(answers: list[httpx.Response]) -> None:
            answers.append(client.post(f"{project.path}/jobs", json=body, headers=key))

        answers: list[httpx.Response] = []
        threads = [threading.Thread(target=submit, args=(answers,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        submit(answers)
        other = client.post(f"{project.path}/jobs", json={"command": ["false"]}, headers=key)
    assert {answer.status_code for answer in answers} <= {200, 409}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    assert len(ids) == 1
    assert answers[-1].status_code == 200
    assert other.status_code == 400
    assert [job["id"] for job in project.get("/jobs")["items"]] == list(ids)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_job_of_the_servers_own_user_cannot_change_its_objects() -> None:
    """Without root, jobs run as the server's user, who owns the store."""
    server = Server(before=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
    os.chown(server.folder, 65534, 65534)
    content = b"the original"
    digest = sha256(content).hexdigest()
    with server:
        project = server.project()
        project.request("PUT", f"/blobs/{digest}", content=content)
        file = {"path": "a.txt", "sha256": digest, "size_bytes": 12, "executable": False}
        code = project.post("/code-snapshots", {"files": [file]})["id"]
        spoil = "import os; os.chmod('a.txt', 0o666); open('a.txt', 'w').write('spoiled')"
        job = python(project, f"{spoil}; print(open('a.txt').read())", code=code)
        assert project.wait(job)["state"] == "succeeded", project.log(job)
        assert project.log(job) == "spoiled\n"
        assert (server.data / "blobs" / digest[:2] / digest[2:]).read_bytes() == content


def test_a_stream_ends_with_the_right_to_it(project: Project) -> None:
    with project.server.client() as admin:
        body = {"name": f"stream-{project.name}", "scopes": ["read"]}
        made = admin.post("/api/v1/tokens", json=body).json()
        headers = {"Authorization": f"Bearer {made['secret']}"}
        path = f"{project.server.url}/api/v1/projects/{project.name}/events?follow=true"
        with httpx.stream("GET", path, headers=headers, timeout=60) as answer:
            assert answer.status_code == 200
            revoked = admin.delete(f"/api/v1/tokens/{made['id']}")
            assert revoked.status_code == 200, revoked.text
            for _ in answer.iter_bytes():  # until the server ends it
                pass
        assert httpx.get(path, headers=headers).status_code == 401


def test_an_experiment_named_like_the_id_of_another(project: Project) -> None:
    """Ids go before names: links carry them."""
    with project.server.client() as client:
        base = f"/p/{project.name}/api/2.0/mlflow"

        def create(name: str) -> str:
            made = client.post(f"{base}/experiments/create", json={"name": name}).json()
            return str(made["experiment_id"])

        real = create("real")
        other = create(real)
        for experiment in (real, other):
            client.post(
                f"{base}/runs/create",
                json={"experiment_id": experiment, "run_name": f"of-{experiment}"},
            )
    for experiment in (real, other):
        found = project.get("/runs", experiment=experiment)["items"]
        assert [run["name"] for run in found] == [f"of-{experiment}"]
