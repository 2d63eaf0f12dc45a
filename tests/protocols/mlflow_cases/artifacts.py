"""Artifacts: sent, listed, fetched, deleted."""

from protocols.mlflow_cases.case import Case, get, post

FILES = "/api/2.0/mlflow-artifacts/artifacts"
MISSING = "f" * 32


def put(path: str, content: bytes) -> Case:
    return Case("PUT", f"{FILES}/{path}", raw=content, media_type="application/octet-stream")


def remove(path: str) -> Case:
    return Case("DELETE", f"{FILES}/{path}")


def fetch(path: str) -> Case:
    return get(f"{FILES}/{path}")


CASES: list[Case] = [
    post("experiments/create", {"name": "artifacts"}, keep={"e": "experiment_id"}),
    post("runs/create", {"experiment_id": "{e}", "user_id": "ann", "start_time": 1},
         keep={"run": "run.info.run_id"}),
    get("artifacts/list", {"run_id": "{run}"}),
    put("{e}/{run}/artifacts/a.txt", b"hello"),
    put("{e}/{run}/artifacts/a.txt", b"hello again"),
    put("{e}/{run}/artifacts/folder/b.json", b'{"b": 1}'),
    put("{e}/{run}/artifacts/folder/deep/%C3%BC%20c.bin", b"\x00\xff"),
    put("{e}/{run}/artifacts/empty", b""),
    get("artifacts/list", {"run_id": "{run}"}),
    get("artifacts/list", {"run_uuid": "{run}"}),
    get("artifacts/list", {"run_id": "{run}", "path": "folder"}),
    get("artifacts/list", {"run_id": "{run}", "path": "folder/deep"}),
    get("artifacts/list", {"run_id": "{run}", "path": "a.txt"}),
    get("artifacts/list", {"run_id": "{run}", "path": "nothing"}),
    get("artifacts/list", {"run_id": "{run}", "path": ""}),
    get("artifacts/list", {"run_id": "{run}", "path": "../.."}),
    get("artifacts/list", {"run_id": "{run}", "path": "/etc"}),
    get("artifacts/list", {"run_id": "{run}", "path": "folder/../.."}),
    get("artifacts/list", {"run_id": "{run}", "path": "%2e%2e"}),
    get("artifacts/list", {"run_id": MISSING}),
    get("artifacts/list"),
    get(FILES, {"path": "{e}/{run}/artifacts"}),
    get(FILES, {"path": "{e}/{run}/artifacts/folder"}),
    get(FILES, {"path": "{e}/nothing"}),
    get(FILES, {"path": "../x"}),
    get(FILES, {"path": "/etc"}),
    fetch("{e}/{run}/artifacts/a.txt"),
    fetch("{e}/{run}/artifacts/folder/b.json"),
    fetch("{e}/{run}/artifacts/folder/deep/%C3%BC%20c.bin"),
    fetch("{e}/{run}/artifacts/empty"),
    fetch("{e}/{run}/artifacts/nothing"),
    fetch("{e}/{run}/artifacts/folder"),
    fetch("..%2fx"),
    fetch("a/..%2f..%2fx"),
    get("/get-artifact", {"run_id": "{run}", "path": "a.txt"}),
    get("/get-artifact", {"run_uuid": "{run}", "path": "folder/b.json"}),
    get("/get-artifact", {"run_id": "{run}", "path": "nothing"}),
    get("/get-artifact", {"run_id": MISSING, "path": "a.txt"}),
    get("/get-artifact", {"run_id": "{run}", "path": "../a.txt"}),
    get("/get-artifact", {"run_id": "{run}"}),
    remove("{e}/{run}/artifacts/a.txt"),
    remove("{e}/{run}/artifacts/a.txt"),
    remove("{e}/{run}/artifacts/folder"),
    remove("..%2fx"),
    get("artifacts/list", {"run_id": "{run}"}),
    post("artifacts/presigned-upload-url", {"run_id": "{run}", "path": "x"}),
    post("artifacts/presigned-upload-url", {"path": "x"}),
    post("artifacts/presigned-upload-url", {"run_id": "{run}"}),
    post("artifacts/presigned-upload-url", {"run_id": MISSING, "path": "x"}),
    post("artifacts/presigned-download-url", {"run_id": "{run}", "path": "x"}),
    post("artifacts/presigned-download-url", {"run_id": "{run}", "path": "x", "expiration": 0}),
    post("artifacts/presigned-download-url", {"path": "x"}),
]  # fmt: skip
