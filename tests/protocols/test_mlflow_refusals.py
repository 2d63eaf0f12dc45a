"""What MLflow's writing routes refuse: the right code, the field's name, and nothing changed."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from maru_server import Server

LONG = "x" * 200_000
DEEP = b'{"a":' * 1000 + b"1" + b"}" * 1000
BODIES = [
    b"{", b"nonsense", b"null", b"[]", b'"text"', b"5", b'{"name": "\xff"}', b"\x00", DEEP[:5000],
    b"[" * 1000 + b"]" * 1000, b'{"a": 1} {"b": 2}',
]  # fmt: skip
# Of each kind of field, values that it can't have.
WRONG: dict[str, list[Any]] = {
    "text": [5, 1.5, True, [], {}, ["x"]],
    "integer": ["x", 1.5, [], {}, "1e400", 10**30],
    "number": ["x", [], {}],
    "list": ["x", 5, {"a": 1}],
    "object": ["x", 5, ["a"]],
}
# Tables that any request may write to.
ALWAYS = {"audit_entries", "idempotency_keys", "sessions", "tokens"}

# method, path, and its fields: name -> (kind, required, a right value); {x} stands for what exists.
Field = tuple[str, bool, Any]
TEXT: Field = ("text", True, "v")
VALUE: Field = ("text", False, "v")  # empty where it is missing, as in MLflow
RUN: Field = ("text", True, "{run}")
KEY: Field = ("text", True, "k")
MODEL: Field = ("text", True, "m")
VERSION: Field = ("text", True, "1")
EXPERIMENT: Field = ("text", True, "{experiment}")
LOGGED: Field = ("text", True, "{model}")
Route = tuple[str, str, dict[str, Field]]
ROUTES: list[Route] = [
    ("POST", "experiments/create",
     {"name": ("text", True, "new"), "artifact_location": ("text", False, ""),
      "tags": ("list", False, [])}),
    ("POST", "experiments/update",
     {"experiment_id": EXPERIMENT, "new_name": ("text", False, "other")}),
    ("POST", "experiments/delete", {"experiment_id": EXPERIMENT}),
    ("POST", "experiments/restore", {"experiment_id": EXPERIMENT}),
    ("POST", "experiments/set-experiment-tag",
     {"experiment_id": EXPERIMENT, "key": KEY, "value": VALUE}),
    ("POST", "runs/create",
     {"experiment_id": ("text", False, "{experiment}"), "start_time": ("integer", False, 1),
      "run_name": ("text", False, "r"), "tags": ("list", False, [])}),
    ("POST", "runs/update",
     {"run_id": RUN, "end_time": ("integer", False, 1), "run_name": ("text", False, "r")}),
    ("POST", "runs/delete", {"run_id": RUN}),
    ("POST", "runs/restore", {"run_id": RUN}),
    ("POST", "runs/set-tag", {"run_id": RUN, "key": KEY, "value": VALUE}),
    ("POST", "runs/delete-tag", {"run_id": RUN, "key": KEY}),
    ("POST", "runs/log-parameter", {"run_id": RUN, "key": KEY, "value": VALUE}),
    ("POST", "runs/log-metric",
     {"run_id": RUN, "key": KEY, "value": ("number", True, 1.0),
      "timestamp": ("integer", True, 1), "step": ("integer", False, 0)}),
    ("POST", "runs/log-batch",
     {"run_id": RUN, "metrics": ("list", False, []), "params": ("list", False, []),
      "tags": ("list", False, [])}),
    ("POST", "runs/log-inputs", {"run_id": RUN, "datasets": ("list", False, [])}),
    ("POST", "registered-models/create",
     {"name": ("text", True, "new"), "description": ("text", False, ""),
      "tags": ("list", False, [])}),
    ("POST", "registered-models/rename", {"name": MODEL, "new_name": ("text", False, "n")}),
    ("PATCH", "registered-models/update", {"name": MODEL, "description": ("text", False, "d")}),
    ("POST", "registered-models/set-tag", {"name": MODEL, "key": KEY, "value": VALUE}),
    ("POST", "registered-models/alias", {"name": MODEL, "alias": TEXT, "version": VERSION}),
    ("POST", "model-versions/create",
     {"name": MODEL, "source": ("text", True, "runs:/{run}/m"), "run_id": ("text", False, ""),
      "description": ("text", False, ""), "tags": ("list", False, [])}),
    ("PATCH", "model-versions/update",
     {"name": MODEL, "version": VERSION, "description": ("text", False, "d")}),
    ("POST", "model-versions/transition-stage",
     {"name": MODEL, "version": VERSION, "stage": ("text", True, "Staging")}),
    ("POST", "model-versions/set-tag",
     {"name": MODEL, "version": VERSION, "key": KEY, "value": VALUE}),
    ("POST", "logged-models",
     {"experiment_id": EXPERIMENT, "name": ("text", False, "l"), "tags": ("list", False, []),
      "params": ("list", False, [])}),
]  # fmt: skip
# Ids that nothing has.
UNKNOWN = {
    "{run}": "f" * 32, "{experiment}": "987654", "m": "no-such-model", "{model}": "m-" + "f" * 32,
}  # fmt: skip


class World:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = server.client()
        self.client.headers["Content-Type"] = "application/json"
        self.base = "/p/default/api/2.0/mlflow/"
        self.known: dict[str, str] = {}

        def post(path: str, body: Any) -> Any:
            answer = self.client.post(self.base + path, json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()

        experiment = post("experiments/create", {"name": "e"})["experiment_id"]
        run = post("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        post("runs/log-parameter", {"run_id": run, "key": "there", "value": "1"})
        post("registered-models/create", {"name": "m"})
        post("model-versions/create", {"name": "m", "source": f"runs:/{run}/m", "run_id": run})
        self.known = {"{run}": run, "{experiment}": experiment}

    def filled(self, fields: dict[str, Field], places: dict[str, str]) -> dict[str, Any]:
        body = {}
        for name, (_, _, value) in fields.items():
            if isinstance(value, str):
                for place, known in places.items():
                    value = value.replace(place, known) if "{" in place else value
            body[name] = value
        return body

    def dump(self) -> dict[str, list[Any]]:
        with sqlite3.connect(f"file:{self.server.data / 'maru.db'}?mode=ro", uri=True) as database:
            tables = database.execute("select name from sqlite_master where type = 'table'")
            return {
                table: sorted(map(repr, database.execute(f"select * from {table}")))
                for (table,) in tables.fetchall()
                if table not in ALWAYS and not table.startswith("sqlite_")
            }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Server() as server:
        made = World(server)
        yield made
        made.client.close()


def refused(answer: httpx.Response, what: str, field: str | None = None) -> None:
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:300]}"
    error = answer.json()
    assert error["error_code"] not in ("", "INTERNAL_ERROR"), f"{what}: {error}"
    assert len(error["message"]) < 20_000, what
    if field is not None:
        assert field in error["message"], f"{what}: {error['message'][:300]}"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]} {route[1]}")
def test_a_refusal_changes_nothing(world: World, route: Route) -> None:
    method, path, fields = route
    target = world.base + path
    before = world.dump()

    def send(body: dict[str, Any]) -> httpx.Response:
        content = json.dumps(body).encode()
        return world.client.request(method, target, content=content)

    right = world.filled(fields, world.known)
    for body in BODIES:
        answer = world.client.request(method, target, content=body)
        if body == b"null" and not any(required for _, required, _ in fields.values()):
            continue
        refused(answer, f"{path} {body[:20]!r}")
    for name, (kind, required, _) in fields.items():
        if required:
            without = {k: v for k, v in right.items() if k != name}
            refused(send(without), f"{path} without {name}", name)
        for value in WRONG[kind]:
            refused(send(right | {name: value}), f"{path} {name}={value!r}", name)
    for name, (_, _, value) in fields.items():
        for place, nothing in UNKNOWN.items():
            if value == place and (path, name) != ("registered-models/create", "name"):
                refused(send(right | {name: nothing}), f"{path} {name}={nothing}")
    after = world.dump()
    assert {t for t in after if after[t] != before[t]} == set()


# Text that is too long, or holds what no text may.
LIMITED = [
    ("experiments/create", "name", LONG), ("experiments/create", "name", "a\x00b"),
    ("experiments/create", "name", ""),
    ("experiments/set-experiment-tag", "key", LONG), ("runs/set-tag", "key", LONG),
    ("runs/log-parameter", "key", LONG),
    ("runs/log-parameter", "key", "../../etc"),
    ("runs/log-metric", "key", LONG), ("runs/log-metric", "key", "../x"),
    ("runs/log-metric", "key", "a\x00b"),
    ("runs/log-parameter", "key", "a\x00b"), ("runs/log-parameter", "value", "a\x00b"),
    ("runs/set-tag", "key", "a\x00b"), ("runs/set-tag", "value", "a\x00b"),
    ("registered-models/create", "name", LONG), ("registered-models/create", "name", "a/b"),
    ("registered-models/create", "name", "a\x00b"),
    ("registered-models/set-tag", "key", LONG), ("registered-models/alias", "alias", LONG),
    ("registered-models/alias", "alias", "v1"), ("registered-models/alias", "version", "99"),
    ("model-versions/set-tag", "key", LONG),
    ("model-versions/transition-stage", "stage", "Nowhere"),
    ("model-versions/create", "source", "../../etc/passwd"),
    ("model-versions/create", "source", "/etc/passwd"),
    ("logged-models", "name", "a/b"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "field", "value"), LIMITED, ids=lambda value: str(value)[:30].replace("\0", "NUL")
)
def test_values_out_of_bounds_change_nothing(
    world: World, path: str, field: str, value: str
) -> None:
    method, _, fields = next(route for route in ROUTES if route[1] == path)
    before = world.dump()
    body = world.filled(fields, world.known) | {field: value}
    answer = world.client.request(method, world.base + path, content=json.dumps(body).encode())
    refused(answer, f"{path} {field}")
    after = world.dump()
    assert {t for t in after if after[t] != before[t]} == set()


def test_a_batch_is_written_whole_or_not_at_all(world: World) -> None:
    run = world.known["{run}"]
    point = {"key": "m", "value": 1, "timestamp": 1, "step": 0}
    right = {
        "metrics": [point], "params": [{"key": "p", "value": "v"}],
        "tags": [{"key": "t", "value": "v"}],
    }  # fmt: skip
    wrong: list[dict[str, Any]] = [
        {"metrics": [point, point | {"key": LONG}]},
        {"metrics": [point, point | {"timestamp": "x"}]},
        {"metrics": [point, {"key": "only"}]},
        {"metrics": [point] * 1001},
        {"params": [{"key": "p", "value": "v"}, {"key": "there", "value": "2"}]},
        {"params": [{"key": "p", "value": "v"}, {"key": "p", "value": "w"}]},
        {"params": [{"key": f"p{i}", "value": "v"} for i in range(101)]},
        {"tags": [{"key": "t", "value": "v"}, {"key": LONG, "value": "v"}]},
        {"tags": [{"key": "t", "value": 5}]},
        {"tags": [{"value": "v"}]},
    ]
    before = world.dump()
    for change in wrong:
        answer = world.client.post(
            world.base + "runs/log-batch", json={"run_id": run} | right | change
        )
        refused(answer, f"{change!r:.80}")
    after = world.dump()
    assert {t for t in after if after[t] != before[t]} == set()


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "%2e%2e/x", "..%2fx", "a%00b", "%ff", "a%5c..%5cb", "x" * 5000]
)
def test_paths_out_of_the_artifacts_change_nothing(world: World, path: str) -> None:
    before = world.dump()
    base = "/p/default/api/2.0/mlflow-artifacts/artifacts/"
    # As it stands: the client must not resolve the dots.
    url = httpx.URL(world.server.url).copy_with(raw_path=(base + path).encode())
    for method in ("PUT", "GET", "DELETE"):
        request = world.client.build_request(method, url, content=b"x" if method == "PUT" else None)
        answer = world.client.send(request)
        assert 400 <= answer.status_code < 500, f"{method}: {answer.status_code} {answer.text}"
    run = world.known["{run}"]
    for listing in (f"artifacts/list?run_id={run}&path={path}",):
        answer = world.client.get(f"{world.base}{listing}")
        assert 400 <= answer.status_code < 500, f"{listing}: {answer.status_code} {answer.text}"
    after = world.dump()
    assert {t for t in after if after[t] != before[t]} == set()
