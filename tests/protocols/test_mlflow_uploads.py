"""Files in parts: the client's multipart uploads, and downloads by URLs that need no token."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
import requests
from maru_server import Project, Server
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from protocols.mlflow_project import mlflow_project

MIB = 1 << 20
API = "/api/2.0/mlflow-artifacts"


@pytest.fixture
def project(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project whose client sends files of 20 MB and more in parts of 5 MB."""
    with mlflow_project(own_server) as made:
        # From server-info the client knows that parts are taken; the sizes are S3's limits.
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(20 * MIB))
        monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB))
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(random.Random(7).randbytes(64 * MIB))
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def uploads_of(server: Server) -> list[Path]:
    return [path for path in (server.data / "uploads").rglob("*") if path.is_file()]


def test_a_large_file_in_parts(
    project: Project, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put = requests.put

    def counted(url: str, **options: Any) -> requests.Response:
        sent.append(url)
        return put(url, **options)

    monkeypatch.setattr(requests, "put", counted)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(file), "model")
    assert len(sent) == 13
    assert uploads_of(project.server) == []
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(10 * MIB))
    uri = f"runs:/{run.info.run_id}/model/weights.bin"
    found = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "down"))
    assert digest(Path(found)) == digest(file)


def test_an_upload_that_fails_in_the_middle_leaves_nothing(
    project: Project, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = HttpArtifactRepository._upload_part

    def failing(credential: Any, local_file: str, size: int, start_byte: int) -> Any:
        if credential.part_number == 9:
            raise OSError("the network is gone")
        return real(credential, local_file, size, start_byte)

    monkeypatch.setattr(HttpArtifactRepository, "_upload_part", staticmethod(failing))
    with mlflow.start_run() as run, pytest.raises(Exception, match="network is gone"):
        mlflow.log_artifact(str(file))
    assert mlflow.MlflowClient().list_artifacts(run.info.run_id) == []
    assert uploads_of(project.server) == []


def test_an_upload_goes_on_after_kill_9(project: Project) -> None:
    server = project.server
    folder = "0/run/artifacts/model"
    with server.client() as client:

        def post(step: str, body: dict[str, Any]) -> httpx.Response:
            return client.post(f"/p/{project.name}{API}/mpu/{step}/{folder}", json=body)

        name = {"path": "C:\\data\\big.bin"}
        created = post("create", {**name, "num_parts": 3}).json()
        urls = [part["url"] for part in created["credentials"]]
        first = httpx.put(urls[0], content=b"a" * MIB)
        assert first.status_code == 200
        httpx.put(urls[1], content=b"lost" * MIB)
        server.kill()
        server.start()
        etags = [first.headers["etag"]]
        for letter, url in zip("bc", urls[1:], strict=True):
            etags.append(httpx.put(url, content=letter.encode() * MIB).headers["etag"])
        parts = [{"part_number": n + 1, "etag": tag, "url": ""} for n, tag in enumerate(etags)]
        done = {**name, "upload_id": created["upload_id"], "parts": parts}
        for _ in range(2):  # a client that missed the answer asks again
            answer = post("complete", done)
            assert answer.status_code == 200, answer.text
        content = client.get(f"/p/{project.name}{API}/artifacts/{folder}/big.bin").content
    assert content == b"a" * MIB + b"b" * MIB + b"c" * MIB
    assert httpx.put(urls[0], content=b"late").status_code == 403


def test_urls_are_for_one_thing_only(project: Project) -> None:
    base = f"{project.server.url}/p/{project.name}{API}"
    with project.server.client() as client:
        client.put(f"{base}/artifacts/0/r/artifacts/a b.txt", content=b"secret")
        client.put(f"{base}/artifacts/0/r/artifacts/c.txt", content=b"other")
        signed = client.get(f"{base}/presigned/0/r/artifacts/a b.txt").json()
        assert signed["file_size"] == 6
        created = client.post(
            f"{base}/mpu/create/0/r/artifacts", json={"path": "x", "num_parts": 1}
        ).json()
        missing = client.get(f"{base}/presigned/0/r/artifacts/nothing")
        assert missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        for count in (0, 10_001):
            refused = client.post(
                f"{base}/mpu/create/0/r/artifacts", json={"path": "x", "num_parts": count}
            )
            assert refused.status_code == 400
    url = signed["url"]
    assert httpx.get(url).content == b"secret"
    assert httpx.get(url, headers={"Range": "bytes=2-3"}).content == b"cr"
    part = created["credentials"][0]["url"]
    for wrong in (
        url.replace("a%20b.txt", "c.txt"),
        url.replace("expires=1", "expires=2"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("?")[0],
    ):
        assert httpx.get(wrong).status_code == 403, wrong
    for wrong in (part[:-1] + "!", part.partition("?")[0]):
        answer = httpx.put(wrong, content=b"x")
        assert answer.status_code == 403
        assert json.loads(answer.text)["error_code"] == "PERMISSION_DENIED"
    for path in ("presigned/0/r/artifacts/c.txt", "mpu/create/0/r"):
        method = "GET" if path.startswith("presigned") else "POST"
        answer = httpx.request(method, f"{base}/{path}", json={"path": "x", "num_parts": 1})
        assert answer.status_code == 401
