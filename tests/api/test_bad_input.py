"""Bad input to every operation of the API: an answer in the documented form, never a crash."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
from maru_server import Project, Server
from wire import Answer, Wire

CODES = {
    "cancelled",
    "invalid_argument",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "data_loss",
    "unauthenticated",
}
LONG = "x" * 1_000_000
SECRET = "maru_never-to-be-repeated-0123456789abcdef"
MALFORMED = [
    b"{",
    b"[",
    b"nonsense",
    b"{'a': 1}",
    b'{"a": 1,}',
    b'{"a": 1} {"b": 2}',
    b'{"a": 01}',
    b'{"a": "\xff\xfe"}',
    b'{"a": "\xc0\xaf"}',
    b'{"\xed\xa0\x80": 1}',
    b'{"a": "\x00"}',
    b'{"a": "\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"\x00\x01\x02\x03",
    b"null",
    b"[]",
    b'"text"',
    b"5",
    b"true",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
]
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "..",
    "../../etc/passwd",
    "a/b",
    "'; drop table users; --",
    "\ud800",
    "\U0001f600" * 300,
    LONG,
    [],
    [None],
    [[]],
    {},
    {"": ""},
    {"a": {"b": {"c": []}}},
    {LONG[:5000]: 1},
]
IN_PATH = [
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%2e%2e%2f%2e%2e",
    "..%5c..",
    "%00",
    "a%00b",
    "%ff%fe",
    "%c0%af",
    "%ed%a0%80",
    "%0d%0aX-Injected:%201",
    "%",
    "%zz",
    "-1",
    "0",
    "99999999999999999999999",
    "1e9",
    "%27%20or%201%3d1",
    "%25s%25n",
    "x" * 8000,
    "00000000000000000000000000000000",
    "no-such-thing",
]


@dataclass
class Operation:
    id: str
    method: str
    path: str
    permission: str
    body: dict[str, Any] | None  # the schema; None: no body, or one that is not JSON
    is_bytes: bool
    path_names: list[str] = field(default_factory=list)
    query_names: list[str] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        # Searches have a body, too.
        return self.method != "GET" and not self.permission.endswith("_read")


def operation_of(path: str, method: str, described: dict[str, Any]) -> Operation:
    content = described.get("requestBody", {}).get("content", {})
    parameters = described.get("parameters", [])
    return Operation(
        id=described["operationId"],
        method=method.upper(),
        path=path,
        permission=described["x-permission"],
        body=content.get("application/json", {}).get("schema"),
        is_bytes="application/octet-stream" in content,
        path_names=[p["name"] for p in parameters if p["in"] == "path"],
        query_names=[p["name"] for p in parameters if p["in"] == "query"],
    )


@dataclass
class World:
    """A server with one of everything, and callers of every kind."""

    server: Server
    operations: list[Operation]
    schemas: dict[str, Any]
    names: dict[str, str]
    admin: Wire
    viewer: Wire
    reader: Wire
    stranger: Wire
    expired: Wire

    def target(self, operation: Operation, **changed: str) -> str:
        target = operation.path
        for name in operation.path_names:
            value = changed.get(name) or quote(self.name(operation, name), safe="")
            target = target.replace("{" + name + "}", value)
        return target

    def name(self, operation: Operation, name: str) -> str:
        """A thing that exists, for a parameter of a path; for deletions one that does not."""
        if operation.method == "DELETE" and name != "project":
            return "not-there"
        return self.names.get(f"{operation.id.split('.')[0]}.{name}") or self.names[name]

    def body(self, operation: Operation) -> bytes | None:
        if operation.is_bytes:
            return b"content"
        if operation.body is None:
            return b"{}" if operation.method in ("POST", "PUT", "PATCH") else None
        return json.dumps(self.example(operation)).encode()

    def example(self, operation: Operation) -> dict[str, Any]:
        assert operation.body is not None
        given = operation.body.get("properties", {})
        return {name: self.value(given[name], name) for name in operation.body.get("required", [])}

    def value(self, schema: dict[str, Any], name: str) -> Any:
        if reference := schema.get("$ref"):
            schema = self.schemas[reference.rsplit("/", 1)[1]]
        if options := schema.get("anyOf"):
            return self.value(options[0], name)
        if options := schema.get("enum"):
            return options[0]
        match schema.get("type"):
            case "string":
                return self.names.get(f"body.{name}", "example")
            case "integer" | "number":
                return 1
            case "boolean":
                return False
            case "array":
                return [self.value(schema["items"], name)]
            case "object":
                wanted = schema.get("required", schema.get("properties", {}))
                return {n: self.value(schema["properties"][n], n) for n in wanted}
        return None


def project_with_content(server: Server) -> tuple[Project, dict[str, str]]:
    project = server.new_project()
    mlflow = f"/p/{project.name}/api/2.0/mlflow"
    names = {"project": project.name, "user": "viewer", "replica": "0"}
    with server.client() as client:

        def post(path: str, body: object) -> Any:
            answer = client.post(path, json=body)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            return answer.json()

        experiment = post(f"{mlflow}/experiments/create", {"name": "e"})["experiment_id"]
        run = post(f"{mlflow}/runs/create", {"experiment_id": experiment, "start_time": 1})
        run_id = run["run"]["info"]["run_id"]
        metric = {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1, "step": 1}
        post(f"{mlflow}/runs/log-metric", metric)
        post(f"{mlflow}/registered-models/create", {"name": "m"})
        post(f"{mlflow}/model-versions/create", {"name": "m", "source": f"runs:/{run_id}/m"})
    names |= {"runs.id": run_id, "key": "loss", "model": "m", "version": "1", "alias": "champion"}
    names |= {"sha256": sha256(b"content").hexdigest(), "jobs.id": project.run("true")}
    names |= {"experiment": str(experiment), "views.name": "v", "number": "1"}
    names |= {"traces.id": "tr-" + "0" * 32, "assessment": "a-1", "traces.key": "k"}
    names |= {"environment": "none", "endpoints.name": "none", "users.name": "victim"}
    project.request("PUT", f"/blobs/{names['sha256']}", content=b"content")
    file = {"path": "a.py", "sha256": names["sha256"], "size_bytes": 7, "executable": False}
    names["code_snapshots.id"] = project.post("/code-snapshots", {"files": [file]})["id"]
    names |= {"body.password": SECRET, "body.username": "viewer", "body.role": "viewer"}
    hook = {"name": "h", "url": "https://localhost/", "events": ["job.failed"]}
    names |= {"webhook": project.post("/webhooks", hook)["id"], "delivery": "none"}
    names |= {"body.url": "https://localhost/", "body.events": "job.failed"}
    names |= {"body.sha256": names["sha256"], "body.model": "m/1", "id": "0" * 32}
    return project, names


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Server() as server, contextlib.ExitStack() as wires:
        project, names = project_with_content(server)
        with server.client() as client:
            document = client.get("/api/openapi.json").json()
            operations = [
                operation_of(path, method, described)
                for path, methods in document["paths"].items()
                for method, described in methods.items()
            ]
            for user in ("viewer", "stranger", "victim"):
                body = {"name": user, "display_name": user, "password": f"{SECRET}-{user}"}
                assert client.post("/api/v1/users", json=body).status_code == 200
            path = f"{project.path}/members/viewer"
            assert client.put(path, json={"role": "viewer"}).status_code == 200
            reading = {"name": "reader", "scopes": ["read"]}
            reader = client.post("/api/v1/tokens", json=reading).json()["secret"]
        tokens = {user: token_of(server, user) for user in ("viewer", "stranger")}
        tokens["expired"] = token_of(server, "viewer", expires_in_s=1)

        def wire(token: str) -> Wire:
            made = Wire(server, token)
            wires.callback(made.close)
            return made

        yield World(
            server,
            operations,
            document["components"]["schemas"],
            names,
            admin=wire(server.token),
            viewer=wire(tokens["viewer"]),
            reader=wire(reader),
            stranger=wire(tokens["stranger"]),
            expired=wire(tokens["expired"]),
        )


def token_of(server: Server, user: str, **fields: object) -> str:
    """A token that a user makes for himself, signed in with his password."""
    body = {"name": f"of-{user}", "scopes": ["read", "write"], **fields}
    wire = Wire(server)
    signed_in = {"username": user, "password": f"{SECRET}-{user}"}
    answer = wire("POST", "/api/v1/session", json.dumps(signed_in).encode())
    assert answer.status == 200, answer.body
    headers = {
        "Cookie": answer.headers["Set-Cookie"].partition(";")[0],
        "X-CSRF-Token": answer.json()["csrf_token"],
    }
    made = wire("POST", "/api/v1/tokens", json.dumps(body).encode(), headers)
    wire.close()
    assert made.status == 200, made.body
    return str(made.json()["secret"])


def check(answer: Answer, what: str) -> str:
    """Checks the form of an answer; the code of the error, or "" where it is none."""
    assert answer.status < 500 or answer.status == 501, f"{what}: {answer.status} {answer.body!r}"
    assert SECRET.encode() not in answer.body, f"{what} repeats a secret: {answer.body!r}"
    assert "X-Injected" not in answer.headers, what
    if answer.status < 400:
        return ""
    assert answer.media_type == "application/json", f"{what}: {answer.media_type}"
    assert len(answer.body) < 30_000, f"{what}: {len(answer.body)} bytes of error"
    error = answer.json()["error"]
    assert error["code"] in CODES, f"{what}: {error}"
    assert error["message"], what
    assert {"details", "request_id"} <= set(error), f"{what}: {error}"
    return str(error["code"])


def check_healthy(world: World) -> None:
    assert world.admin("GET", "/health").status == 200
    assert world.admin("GET", "/api/v1/status").status == 200
    assert SECRET not in "".join(world.server.output)
    failed = [line for line in world.server.output if " failed (request " in line]
    assert not failed, failed


def test_every_operation_is_known(world: World) -> None:
    assert len(world.operations) > 50
    for operation in world.operations:
        world.target(operation)
        world.body(operation)


def test_malformed_bodies(world: World) -> None:
    for operation in world.operations:
        if operation.body is None:
            continue
        for body in MALFORMED:
            what = f"{operation.id} with {body[:40]!r}"
            answer = world.admin(operation.method, world.target(operation), body)
            assert check(answer, what) != "", f"{what} was accepted: {answer.body!r}"
    check_healthy(world)


def test_wrong_values_in_every_field(world: World) -> None:
    for operation in world.operations:
        if operation.body is None:
            continue
        example = world.example(operation)
        for name in operation.body.get("properties", {}):
            for value in VALUES:
                body = json.dumps(example | {name: value}).encode()
                what = f"{operation.id} with {name} = {str(value)[:40]!r}"
                check(world.admin(operation.method, world.target(operation), body), what)
        what = f"{operation.id} with an unknown field"
        body = json.dumps(example | {"no_such_field": SECRET}).encode()
        answer = world.admin(operation.method, world.target(operation), body)
        assert check(answer, what) == "invalid_argument", answer.body
    check_healthy(world)


def test_wrong_values_in_every_parameter(world: World) -> None:
    for operation in world.operations:
        for name in operation.path_names:
            for value in IN_PATH:
                what = f"{operation.id} with {{{name}}} = {value[:40]}"
                body = world.body(operation)
                target = world.target(operation, **{name: value})
                check(world.admin(operation.method, target, body), what)
        for name in [*operation.query_names, "no_such_parameter"]:
            for value in [*IN_PATH, "true", "", "%7b%7d"]:
                what = f"{operation.id}?{name}={value[:40]}"
                check(world.admin("GET", f"{world.target(operation)}?{name}={value}"), what)
    check_healthy(world)


def test_unknown_things_are_not_found(world: World) -> None:
    for operation in world.operations:
        if operation.method != "GET" or not operation.path_names:
            continue
        name = operation.path_names[-1]
        unknown = {name: "999999" if name == "experiment" else "0" * 32}
        answer = world.admin("GET", world.target(operation, **unknown))
        code = check(answer, operation.id)
        assert code in ("not_found", "invalid_argument"), f"{operation.id}: {answer.body!r}"


@cache
def bad_tokens() -> list[dict[str, str]]:
    return [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": f"bearer\t{SECRET}"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic YWRtaW46d3Jvbmc="},
        {"Authorization": "Negotiate abc"},
        {"Cookie": f"maru_session={SECRET}"},
        {"Cookie": "maru_session=" + "x" * 5000},
        {"Cookie": ";;;==;maru_session"},
    ]


def test_without_a_valid_token(world: World) -> None:
    nobody = Wire(world.server)
    for operation in world.operations:
        if operation.permission == "anyone":
            continue
        # A wrong password is tried once only: each try costs an argon2, and soon a refusal.
        tokens = [t for t in bad_tokens() if "YWR" not in t.get("Authorization", "")]
        for headers in tokens:
            body = world.body(operation)
            answer = nobody(operation.method, world.target(operation), body, headers)
            what = f"{operation.id} with {str(headers)[:80]}"
            assert check(answer, what) in ("unauthenticated", "invalid_argument"), what
            assert answer.status in (400, 401), what
    for headers in bad_tokens():
        assert nobody("GET", "/api/v1/session", None, headers).status in (400, 401, 429)
    nobody.close()
    check_healthy(world)


def test_an_expired_token(world: World) -> None:
    deadline = time.monotonic() + 30
    while (answer := world.expired("GET", "/api/v1/session")).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # time is what this waits for
    assert check(answer, "an expired token") == "unauthenticated"
    assert "expired" in answer.json()["error"]["message"]
    for operation in world.operations:
        if operation.permission != "anyone":
            body = world.body(operation)
            answer = world.expired(operation.method, world.target(operation), body)
            assert answer.status == 401, operation.id


def test_a_viewer_changes_nothing(world: World) -> None:
    for operation in world.operations:
        if not operation.changes or operation.permission in ("anyone", "signed_in"):
            continue
        answer = world.viewer(operation.method, world.target(operation), world.body(operation))
        assert check(answer, operation.id) == "permission_denied", (
            f"{operation.id}: {answer.body!r}"
        )


def test_a_token_for_reading_changes_nothing(world: World) -> None:
    for operation in world.operations:
        if not operation.changes or operation.permission == "anyone":
            continue
        answer = world.reader(operation.method, world.target(operation), world.body(operation))
        assert check(answer, operation.id) == "permission_denied", (
            f"{operation.id}: {answer.body!r}"
        )


def test_a_stranger_learns_nothing_of_a_project(world: World) -> None:
    for operation in world.operations:
        if "project" not in operation.path_names:
            continue
        existing = world.stranger(operation.method, world.target(operation), world.body(operation))
        invented = world.stranger(
            operation.method, world.target(operation, project="invented"), world.body(operation)
        )
        assert check(existing, operation.id) == check(invented, operation.id) == "not_found"


def test_a_wrong_method(world: World) -> None:
    for operation in world.operations:
        for method in ("PATCH", "TRACE", "OPTIONS", "QUERY", "x"):
            answer = world.admin(method, world.target(operation))
            check(answer, f"{method} {operation.path}")
        answer = world.admin("REPORT", world.target(operation))
        assert answer.status == 405, f"REPORT {operation.path}: {answer.status}"
        assert operation.method in answer.headers["Allow"].split(", ")
    check_healthy(world)
