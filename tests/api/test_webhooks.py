"""Webhooks through the API and the command line: deliveries, retries, isolation, bad input."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from maru_server import CommandLine, Project, Server
from receiver import Receiver

SECRET = "whsec-never-repeated-0123456789"


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    """A server that may reach loopback."""
    with Server("--webhook-networks", "10.0.0.0/8,127.0.0.1") as started:
        yield started


@pytest.fixture
def project(open_server: Server) -> Project:
    return open_server.new_project()


def hook(project: Project, url: str, *events: str, **fields: Any) -> str:
    body = {"name": "ci", "url": url, "events": events or ["registered_model.created"], **fields}
    return str(project.post("/webhooks", body)["id"])


def make_model(project: Project, name: str) -> None:
    project.post("/models", {"name": name})


def wait_for(project: Project, webhook: str, state: str, count: int = 1) -> list[Any]:
    """The deliveries in a state, once there are as many."""
    deadline = time.monotonic() + 60
    while True:
        found: list[Any] = project.get(f"/webhooks/{webhook}/deliveries", state=state)["items"]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, project.get(f"/webhooks/{webhook}/deliveries")
        time.sleep(0.02)


def test_what_a_receiver_refuses_for_now_comes_again(project: Project) -> None:
    answers: list[int | tuple[int, dict[str, str]]] = [500, (429, {"Retry-After": "1"}), 503]
    with Receiver(answers) as receiver:
        webhook = hook(project, receiver.url, secret=SECRET)
        make_model(project, "net")
        attempts = [receiver.next() for _ in range(4)]
        [delivery] = wait_for(project, webhook, "delivered")
    assert {one.id for one in attempts} == {delivery["id"]}
    assert {one.content for one in attempts} == {attempts[0].content}
    assert all(one.is_signed_with(SECRET) for one in attempts)
    assert (delivery["attempts"], delivery["response_status"], delivery["error"]) == (4, 200, None)
    assert project.get(f"/webhooks/{webhook}")["last_delivery"]["id"] == delivery["id"]


def test_what_a_receiver_refuses_for_good_does_not(project: Project) -> None:
    with Receiver([404, (302, {"Location": "https://example.org"}), 200]) as receiver:
        webhook = hook(project, receiver.url)
        make_model(project, "one")
        wait_for(project, webhook, "failed")
        make_model(project, "two")
        second, first = wait_for(project, webhook, "failed", 2)
        assert (first["response_status"], first["attempts"]) == (404, 1)
        assert "redirects are not followed" in second["error"]
        again = project.post(f"/webhooks/{webhook}/deliveries/{first['id']}/redeliver", {})
        assert (again["state"], again["id"]) == ("waiting", first["id"])
        wait_for(project, webhook, "delivered")
        assert [receiver.next().body["data"]["name"] for _ in range(3)] == ["one", "two", "one"]


def test_a_slow_receiver_holds_nobody_up(project: Project) -> None:
    with Receiver() as slow, Receiver() as quick:
        slow.go_on.clear()
        webhooks = [hook(project, slow.url) for _ in range(8)]
        hook(project, quick.url)
        for name in ("a", "b", "c"):
            make_model(project, name)
            assert quick.next().body["data"]["name"] == name
        # One request each, however much waits.
        assert slow.received.qsize() <= len(webhooks)
        slow.go_on.set()
        for webhook in webhooks:
            delivered = wait_for(project, webhook, "delivered", 3)
            assert [one["attempts"] for one in delivered] == [1, 1, 1]


def test_kill_between_change_and_delivery(new_server: Callable[..., Server]) -> None:
    server = new_server("--webhook-networks", "127.0.0.1")
    project = server.project()
    with Receiver() as receiver:
        webhook = hook(project, receiver.url, secret=SECRET)
        receiver.go_on.clear()
        make_model(project, "net")
        first = receiver.next()
        make_model(project, "second")  # waits behind it
        server.kill()
        receiver.go_on.set()
        server.start()
        again = [receiver.next(), receiver.next()]
        # What was sent but not written down comes again, under the same id.
        assert again[0].id == first.id
        assert [one.body["data"]["name"] for one in again] == ["net", "second"]
        assert all(one.is_signed_with(SECRET) for one in again)
        wait_for(project, webhook, "delivered", 2)
        assert server.stop() == 0


def test_a_server_stops_though_a_receiver_does_not_answer(
    new_server: Callable[..., Server],
) -> None:
    server = new_server("--webhook-networks", "127.0.0.1")
    with Receiver() as receiver:
        receiver.go_on.clear()
        hook(server.project(), receiver.url)
        make_model(server.project(), "net")
        receiver.next()
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 15


def test_what_happens_while_disabled_is_not_told(project: Project) -> None:
    with Receiver() as receiver:
        webhook = hook(project, receiver.url, state="disabled")
        make_model(project, "before")
        project.request("PATCH", f"/webhooks/{webhook}", {"state": "active"})
        make_model(project, "after")
        assert receiver.next().body["data"]["name"] == "after"
        assert len(wait_for(project, webhook, "delivered")) == 1
    project.delete(f"/webhooks/{webhook}")
    project.get(f"/webhooks/{webhook}", status=404)


def test_the_end_of_a_job_is_told(project: Project) -> None:
    with Receiver() as receiver:
        hook(project, receiver.url, "job.succeeded", "job.failed")
        for command, event, code in (("true", "job.succeeded", 0), ("false", "job.failed", 1)):
            job = project.run(command)
            received = receiver.next()
            assert received.event == event
            data = received.body["data"]
            assert (data["id"], data["exit_code"], data["user"]) == (job, code, "admin")


def test_requests_stay_out_of_networks_that_are_not_named(server: Server) -> None:
    project = server.new_project()
    with Receiver() as receiver:
        # A name: what it leads to is seen when it is connected to.
        url = f"https://localhost:{receiver.port}/"
        webhook = hook(project, url)
        make_model(project, "net")
        test = project.post(f"/webhooks/{webhook}/test", {})
        assert (test["success"], test["response_status"]) == (False, None)
        assert "is no public address" in test["error"]
        assert "--webhook-networks" in test["error"]
        deadline = time.monotonic() + 60
        while not (last := project.get(f"/webhooks/{webhook}")["last_delivery"]):
            assert time.monotonic() < deadline
        assert "is no public address" in last["error"]
        assert receiver.received.empty()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "n" * 64}, "name"),
        ({"name": 5}, "name"),
        ({"url": ""}, "url"),
        ({"url": "ftp://x"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "url"),
        ({"url": "http://8.8.8.8/"}, "url"),
        ({"url": "https://x.example.org/" + "a" * 3000}, "url"),
        ({"events": []}, "events"),
        ({"events": ["nonsense"]}, "events[0]"),
        ({"events": ["prompt.created", "budget_policy.exceeded"]}, "events[1]"),
        ({"description": "d" * 1001}, "description"),
        ({"secret": "s" * 1001}, "secret"),
        ({"state": "ACTIVE"}, "state"),
        ({"color": "red"}, "color"),
    ],
)
def test_bad_fields(project: Project, fields: dict[str, Any], field: str) -> None:
    good = {"name": "ci", "url": "https://x.example.org", "events": ["prompt.created"]}
    webhook = hook(project, "https://x.example.org", name="good")
    for answer in (
        project.post("/webhooks", good | fields, status=400),
        project.request("PATCH", f"/webhooks/{webhook}", fields, status=400),
    ):
        assert answer["error"]["code"] == "invalid_argument"
        assert field in [detail["field"] for detail in answer["error"]["details"]]
    assert [one["name"] for one in project.get("/webhooks")["items"]] == ["good"]


def test_bad_requests(project: Project) -> None:
    webhook = hook(project, "https://x.example.org")
    for missing in ("name", "url", "events"):
        body = {"name": "ci", "url": "https://x.example.org", "events": ["prompt.created"]}
        body.pop(missing)
        assert missing in str(project.post("/webhooks", body, status=400))
    for path in ("nothing", "0" * 32):
        for method, below in (
            ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries"),
            ("POST", "/deliveries/x/redeliver"),
        ):  # fmt: skip
            sent: dict[str, Any] | None = {} if method in ("POST", "PATCH") else None
            project.request(method, f"/webhooks/{path}{below}", sent, status=404)
    project.post(f"/webhooks/{webhook}/deliveries/nothing/redeliver", {}, status=404)
    for event in ("nonsense", "prompt.exploded", 5):
        project.post(f"/webhooks/{webhook}/test", {"event": event}, status=400)
    for query in ({"state": "lost"}, {"page_size": -1}, {"page_size": 1001}, {"page_token": "x"}):
        project.get(f"/webhooks/{webhook}/deliveries", status=400, **query)
    for query in ({"page_size": -1}, {"page_size": 1001}, {"page_token": "x"}):
        project.get("/webhooks", status=400, **query)


def test_only_owners_manage_webhooks(open_server: Server, project: Project) -> None:
    webhook = hook(project, "https://x.example.org", secret=SECRET)
    with open_server.client() as client:
        for user, role in (("dev", "developer"), ("own", "owner")):
            body = {"name": f"{user}-{project.name}", "password": "correct horse battery"}
            assert client.post("/api/v1/users", json=body).status_code == 200
            path = f"{project.path}/members/{user}-{project.name}"
            assert client.put(path, json={"role": role}).status_code == 200
    for user, status in (("dev", 403), ("own", 200)):
        with open_server.client() as client:
            client.headers.pop("Authorization")
            client.auth = (f"{user}-{project.name}", "correct horse battery")
            for path in (
                f"{project.path}/webhooks",
                f"{project.path}/webhooks/{webhook}",
                f"/p/{project.name}/api/2.0/mlflow/webhooks",
                f"/p/{project.name}/ajax-api/2.0/mlflow/webhooks/{webhook}",
            ):
                answer = client.get(path)
                assert answer.status_code == status, answer.text
                assert SECRET not in answer.text
    assert SECRET not in "".join(open_server.output)
    database = b"".join(one.read_bytes() for one in open_server.data.glob("maru.db*"))
    assert SECRET.encode() not in database


def test_networks_are_checked(new_server: Callable[..., Server]) -> None:
    from maru_server import ServerFailed

    for wrong in ("10.0.0.0/33", "example.org", ""):
        with pytest.raises(ServerFailed, match="--webhook-networks"):
            new_server("--webhook-networks", wrong)


def test_by_the_command_line(open_server: Server, project: Project, tmp_path: Path) -> None:
    maru = CommandLine(open_server, tmp_path, project.name)
    with Receiver([200, 400]) as receiver:
        maru("webhook", "create", "ci", receiver.url, "--event", "registered_model.created",
             "--secret", "-", input=SECRET + "\n")  # fmt: skip
        assert maru("webhook", "test", "ci").stdout == f"{receiver.url} answered 200.\n"
        assert receiver.next().is_signed_with(SECRET)
        failed = maru("webhook", "test", "ci", "--event", "prompt.created", code=1)
        assert "answered 400" in failed.stderr
        receiver.next()
        make_model(project, "net")
        received = receiver.next()
        [listed] = maru.json("webhook", "ls")["items"]
        wait_for(project, listed["id"], "delivered")
        [delivery] = maru.json("webhook", "deliveries", "ci")["items"]
        assert delivery["id"] == received.id
        assert received.id in maru("webhook", "deliveries", "ci", "--state", "delivered").stdout
        assert maru.json("webhook", "deliveries", "ci", "--state", "failed")["items"] == []
        assert maru.json("webhook", "redeliver", "ci", received.id)["state"] == "waiting"
        assert receiver.next().id == received.id
        assert (listed["name"], listed["has_secret"]) == ("ci", True)
        assert receiver.url in maru("webhook", "ls").stdout
    changed = maru.json("webhook", "update", "ci", "--state", "disabled", "--name", "cd")
    assert (changed["state"], changed["name"]) == ("disabled", "cd")
    maru("webhook", "create", "x", "https://x.example.org", code=2)
    maru("webhook", "create", "x", "gopher://x", "--event", "prompt.created", code=2)
    maru("webhook", "rm", "ci", code=3)
    maru("webhook", "rm", "cd")
    assert maru.json("webhook", "ls")["items"] == []
