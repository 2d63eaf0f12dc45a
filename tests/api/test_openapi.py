"""openapi.json, at the root of the repository, is what the server answers."""

import difflib
import json

import httpx
from maru_server import ROOT, Server

GOLDEN = ROOT / "openapi.json"
DIFFERENCE_LINES_MAX = 60


def test_the_document_is_up_to_date(server: Server) -> None:
    answer = httpx.get(f"{server.url}/api/openapi.json", timeout=30)
    assert answer.status_code == 200
    served = json.dumps(answer.json(), indent=2, sort_keys=True) + "\n"
    kept = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    difference = list(
        difflib.unified_diff(
            kept.splitlines(), served.splitlines(), "openapi.json", "the server's", lineterm="", n=2
        )
    )
    assert not difference, (
        "the API differs from openapi.json; if that is meant, renew it with: make openapi\n"
        + "\n".join(difference[:DIFFERENCE_LINES_MAX])
    )


def test_every_operation_says_what_it_is(server: Server) -> None:
    document = httpx.get(f"{server.url}/api/openapi.json", timeout=30).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) > 40
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids)), "an operationId is used twice"
    for operation in operations:
        assert operation["summary"], f"{operation['operationId']} has no summary"
