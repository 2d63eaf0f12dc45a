"""What a case is, and short ways to write one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Case:
    """One request. `keep` names values of the answer, by their path in it, for later cases."""

    method: str
    path: str  # below /api/2.0/mlflow/, or from the root where it begins with a slash
    body: Any = None
    query: Mapping[str, Any] | None = None
    keep: Mapping[str, str] = field(default_factory=dict)
    words: bool = True  # False: the messages of the errors may differ
    raw: bytes | None = None  # instead of a body in JSON
    media_type: str = JSON

    def __str__(self) -> str:
        said = self.raw if self.raw is not None else (self.query or self.body or "")
        return f"{self.method} {self.path} {said!s:.200}"


def get(path: str, query: Mapping[str, Any] | None = None, **options: Any) -> Case:
    return Case("GET", path, query=query or {}, **options)


def post(path: str, body: Any = None, **options: Any) -> Case:
    return Case("POST", path, {} if body is None else body, **options)


def patch(path: str, body: Any = None, **options: Any) -> Case:
    return Case("PATCH", path, {} if body is None else body, **options)


def delete(path: str, body: Any = None, **options: Any) -> Case:
    return Case("DELETE", path, {} if body is None else body, **options)


def wrong_types(
    method: str, path: str, good: Mapping[str, Any], fields: Mapping[str, str]
) -> list[Case]:
    """One case for each field and each value that is not of its type, and one without it."""
    cases = []
    for name, kind in fields.items():
        required = kind.endswith("!")
        for value in WRONG[kind.rstrip("!")]:
            cases.append(Case(method, path, {**good, name: value}))
        if required:
            cases.append(Case(method, path, {k: v for k, v in good.items() if k != name}))
            cases.append(Case(method, path, {**good, name: None}))
    return cases


WRONG: dict[str, list[Any]] = {
    "text": [123, {"b": [1.5, True], "a": "ü"}],
    "integer": ["x", 1.5],
    "number": ["x"],
    "list": ["text", {"a": 1}],
    "texts": ["text", [1]],
    "flag": ["maybe", 3],
}
