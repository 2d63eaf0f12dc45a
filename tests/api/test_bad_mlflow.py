"""Bad input to every route of MLflow: an answer in MLflow's form, never a crash."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from maru_server import ROOT, Server
from wire import Answer, Wire

SECRET = "maru_never-to-be-repeated-0123456789abcdef"
LONG = "x" * 1_000_000
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VALUES: list[Any] = [
    None,
    True,
    -1,
    2**63,
    10**400,
    1e308,
    "",
    "\x00",
    "a\x00b",
    "../../etc/passwd",
    "'; drop table runs; --",
    "\ud800",
    "0",
    LONG,
    [],
    [None],
    [[]],
    ["0"],
    {},
    [{}],
    [{"key": None, "value": {}}],
    [{"key": LONG, "value": "v"}],
    [{"key": "k", "value": LONG, "timestamp": "x", "step": 1.5}],
]
MALFORMED = [
    b"{",
    b"nonsense",
    b"null",
    b"[]",
    b'"text"',
    b'{"name": "\xff"}',
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\x00",
]
TARGETS = [
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%ff",
    "%",
    "../..",
    "%2e%2e/%2e%2e",
    "x" * 8000,
    "a//b",
]
IN_QUERY = ("", "-1", "99999999999999999999", "%00", "%ff", "a", "%5b%5d")
FILTERS = [
    "((((((((((",
    "metrics.a > ",
    "metrics.`a",
    "params.a = 'x' and " * 2000 + "params.a = 'x'",
    "tags.\x00 = '1'",
    "name = 'a' or 1=1 --",
    "metrics.a > 'text'",
    "status = 5",
    "a" * 100_000,
    "params.x LIKE '" + "%a" * 2000 + "'",
]


def registered() -> tuple[list[str], list[str]]:
    """The paths of the routes and the names of the fields, as the source has them."""
    text = "".join(
        path.read_text()
        for room in ("tracking", "models", "webhooks", "server")
        for path in sorted((ROOT / "src" / room / "mlflow").glob("*.cpp"))
    )
    paths = set(re.findall(r'"(/mlflow[^"]*[a-z}])"', text))
    readers = r"(?:text|integer|number|flag|texts|list|object|map|pairs|has)"
    fields = set(re.findall(rf'{readers}\(\s*"([a-z_]+)"', text))
    return sorted(paths, key=lambda path: ("delete" in path, path)), sorted(fields)


PATHS, FIELDS = registered()


@dataclass
class World:
    server: Server
    base: str
    wire: Wire
    known: dict[str, Any]

    def target(self, path: str, value: str | None = None) -> str:
        def one(match: re.Match[str]) -> str:
            return value or str(self.known.get(match[1].rstrip("."), "x"))

        version = "3.0" if path.startswith("/mlflow/workspaces") else "2.0"
        return f"{self.base}/api/{version}{re.sub(r'{([^}]*)}', one, path)}"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Server() as server:
        wire = Wire(server, server.token)
        base = "/p/default"

        def post(path: str, body: dict[str, Any]) -> Any:
            answer = wire("POST", f"{base}/api/2.0/mlflow/{path}", json.dumps(body).encode())
            assert answer.status == 200, answer.body
            return answer.json()

        experiment = post("experiments/create", {"name": "e"})["experiment_id"]
        run = post("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        post("registered-models/create", {"name": "m"})
        post("model-versions/create", {"name": "m", "source": f"runs:/{run}/m", "run_id": run})
        url, events = "https://localhost/", [{"entity": "PROMPT", "action": "CREATED"}]
        hook = post("webhooks", {"name": "h", "url": url, "events": events})["webhook"]
        known = {
            "webhook_id": hook["webhook_id"], "url": url, "events": events,
            "experiment_id": experiment, "experiment_ids": [experiment], "run_id": run,
            "name": "m", "version": "1", "key": "k", "value": "1", "timestamp": 1, "step": 1,
            "source": f"runs:/{run}/m", "alias": "champion", "stage": "Production",
        }  # fmt: skip
        yield World(server, base, wire, known)
        wire.close()


def check(answer: Answer, what: str) -> None:
    unserved = answer.status == 501 and answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert answer.status < 500 or unserved, f"{what}: {answer.status} {answer.body!r}"
    assert SECRET.encode() not in answer.body, what
    assert len(answer.body) < 20_000 or answer.status == 200, f"{what}: {len(answer.body)} bytes"
    if answer.status < 400:
        return
    if answer.media_type == "text/plain":  # how a client sees that a route is unknown
        assert answer.status in (404, 405), f"{what}: {answer.body!r}"
        return
    error = answer.json()
    if "error" in error:  # before a route was found
        assert error["error"]["code"] in ("invalid_argument", "unauthenticated"), what
        return
    assert re.fullmatch("[A-Z_]+", error["error_code"]), f"{what}: {error}"
    assert error["error_code"] != "INTERNAL_ERROR", f"{what}: {error}"
    assert error["message"], what


def check_healthy(world: World) -> None:
    assert world.wire("GET", "/api/v1/status").status == 200
    failed = [line for line in world.server.output if " failed (request " in line]
    assert not failed, failed


def test_the_routes_are_found() -> None:
    assert len(PATHS) > 50
    assert {"run_id", "experiment_ids", "max_results", "filter"} <= set(FIELDS)


def test_wrong_values_in_every_field(world: World) -> None:
    chance = random.Random(20261122)
    for path in PATHS:
        for field in FIELDS:
            # Not all of them: a route reads few of the fields, and there are many of both.
            value = chance.choice(VALUES)
            body = json.dumps(world.known | {field: value}).encode()
            check(world.wire("POST", world.target(path), body), f"{path} {field} {value!r:.40}")
    check_healthy(world)


def test_malformed_bodies(world: World) -> None:
    for path in PATHS:
        for method in ("POST", "PATCH", "DELETE"):
            for body in MALFORMED:
                answer = world.wire(method, world.target(path), body)
                check(answer, f"{method} {path} with {body[:30]!r}")
    check_healthy(world)


def test_other_methods_with_every_field(world: World) -> None:
    body = json.dumps(dict.fromkeys(FIELDS, "../x")).encode()
    for path in PATHS:
        for method in ("PUT", "PATCH", "DELETE"):
            check(world.wire(method, world.target(path), body), f"{method} {path}")
    check_healthy(world)


def test_wrong_queries(world: World) -> None:
    chance = random.Random(20261122)
    for path in PATHS:
        for field in FIELDS:
            for value in chance.sample(IN_QUERY, 1):
                target = f"{world.target(path)}?run_id={world.known['run_id']}&{field}={value}"
                check(world.wire("GET", target), f"GET {path} {field}={value}")
    check_healthy(world)


def test_wrong_paths(world: World) -> None:
    for path in [*PATHS, "/mlflow-artifacts/artifacts/{path}"]:
        if "{" not in path:
            continue
        for method in METHODS:
            for value in TARGETS:
                body = b"{}" if method != "GET" else None
                check(
                    world.wire(method, world.target(path, value), body),
                    f"{method} {path} {value:.30}",
                )
    for value in TARGETS:
        for path in ("/get-artifact", "/api/2.0/mlflow/artifacts/list"):
            target = f"{world.base}{path}?run_id={world.known['run_id']}&path={value}"
            check(world.wire("GET", target), f"{path} {value:.30}")
    check_healthy(world)


@pytest.mark.parametrize("path", ["runs/search", "experiments/search", "logged-models/search"])
def test_wrong_filters(world: World, path: str) -> None:
    experiments = {"experiment_ids": world.known["experiment_ids"]}
    for text in FILTERS:
        for field in ("filter", "order_by", "page_token"):
            value: Any = [text] if field == "order_by" else text
            body = json.dumps(experiments | {field: value}).encode()
            answer = world.wire("POST", f"{world.base}/api/2.0/mlflow/{path}", body)
            check(answer, f"{path} {field} {text:.40}")
    check_healthy(world)


def test_without_a_valid_token(world: World) -> None:
    nobody = Wire(world.server)
    for path in PATHS:
        for method in METHODS:
            for token in ("", SECRET):
                headers = {"Authorization": f"Bearer {token}"}
                answer = nobody(method, world.target(path), b"{}", headers)
                check(answer, f"{method} {path}")
                open_to_all = path.endswith("server-info") or answer.status == 404
                assert open_to_all or answer.status in (400, 401), f"{method} {path}"
    nobody.close()
