"""Ask an endpoint for the digits on 200 images that its model has never seen; needs no packages.

Reads MARU_URL, MARU_TOKEN and MARU_PROJECT, as the command line does.
"""

import argparse
import http.client
import json
import os
import statistics
import time
import urllib.parse
from typing import Any


class Server:
    """One kept connection to maru."""

    def __init__(self, url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        connect = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = connect(parts.netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def request(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {content.decode(errors='replace')}")
        return json.loads(content)


def predicted_label(answer: Any) -> int:
    predictions = answer["predictions"]
    labels = predictions["label"] if isinstance(predictions, dict) else predictions
    first = labels[0]
    return int(first["label"] if isinstance(first, dict) else first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", nargs="?", default="digits")
    arguments = parser.parse_args()
    project = os.environ.get("MARU_PROJECT", "default")
    url = os.environ.get("MARU_URL", "http://127.0.0.1:7070")
    server = Server(url, os.environ.get("MARU_TOKEN", ""))

    api = f"/api/v1/projects/{project}"
    endpoint = server.request("GET", f"{api}/endpoints/{arguments.endpoint}")
    variant = endpoint["variants"][0]
    version = server.request(
        "GET", f"{api}/models/{variant['model']}/versions/{variant['version']}"
    )
    held_out = server.request(
        "GET", f"{api}/runs/{version['run_id']}/artifacts/content?path=held_out.json"
    )

    path = f"/p/{project}/endpoints/{arguments.endpoint}/invocations"
    correct = 0
    latencies_ms = []
    for image, label in zip(held_out["images"], held_out["labels"], strict=True):
        start = time.perf_counter()
        answer = server.request("POST", path, {"inputs": [image]})
        latencies_ms.append((time.perf_counter() - start) * 1000)
        correct += predicted_label(answer) == label

    count = len(latencies_ms)
    percentiles = statistics.quantiles(latencies_ms, n=100)
    print(f"{variant['model']}/{variant['version']} on {count} images it has never seen:")
    print(f"  accuracy {correct / count:.3f}")
    print(f"  latency  p50 {percentiles[49]:.2f} ms, p99 {percentiles[98]:.2f} ms (one at a time)")


if __name__ == "__main__":
    main()
