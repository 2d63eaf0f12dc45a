"""Objects in an S3 server: whole, in ranges, under its death, and without a secret in any log."""

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from maru_server import CommandLine, Project, Server, ServerFailed
from protocols.mlflow_project import mlflow_project
from protocols.test_oip import ROWS, affine_model
from s3_server import KEY_ID, SECRET, S3Server, credentials

MIB = 1 << 20
# An S3 server of its own may take its time on a busy machine.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with S3Server() as started:
        yield started


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """An S3 server to kill."""
    with S3Server() as started:
        yield started


Start = Callable[..., Server]


@pytest.fixture
def start(new_server: Start) -> Start:
    def start_over(s3: S3Server, blobs: str, *arguments: str, **variables: str) -> Server:
        return new_server(
            *("--blobs", blobs, "--s3-endpoint", s3.endpoint),
            *arguments,
            variables=credentials() | variables,
        )

    return start_over


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def key_of(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"{digest[:2]}/{digest[2:]}"


def artifact(project: Project, path: str) -> str:
    return f"/p/{project.name}/api/2.0/mlflow-artifacts/artifacts/{path}"


def assert_no_secrets(server: Server) -> None:
    text = "".join(server.output)
    assert SECRET not in text
    assert KEY_ID not in text
    for file in server.data.rglob("*"):
        if file.is_file() and file.suffix != ".sock":
            assert SECRET.encode() not in file.read_bytes(), file


def test_the_mlflow_client_over_s3(s3: S3Server, start: Start, tmp_path: Path) -> None:
    bucket = s3.new_bucket()
    server = start(s3, f"s3://{bucket}/a/prefix")
    small, large = noise(1000), noise(35 * MIB, seed=2)
    (tmp_path / "small.bin").write_bytes(small)
    (tmp_path / "large.bin").write_bytes(large)
    (tmp_path / "empty.txt").write_bytes(b"")
    with mlflow_project(server) as project, server.client() as client:
        with mlflow.start_run() as run:
            mlflow.log_artifacts(str(tmp_path), "files")
            mlflow.log_artifact(str(tmp_path / "small.bin"), "again")
        listed = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="files")
        assert {Path(file.path).name: file.file_size for file in listed} == {
            "empty.txt": 0,
            "large.bin": len(large),
            "small.bin": 1000,
        }
        fetched = Path(
            mlflow.artifacts.download_artifacts(
                run_id=run.info.run_id, artifact_path="files", dst_path=str(tmp_path / "out")
            )
        )
        assert (fetched / "small.bin").read_bytes() == small
        assert (fetched / "large.bin").read_bytes() == large
        assert (fetched / "empty.txt").read_bytes() == b""

        folder = run.info.artifact_uri.removeprefix("mlflow-artifacts:/").strip("/")
        url = artifact(project, f"{folder}/files/large.bin")
        for first, last in ((0, 0), (10, 99), (MIB - 1, 9 * MIB), (34 * MIB, 35 * MIB - 1)):
            part = client.get(url, headers={"Range": f"bytes={first}-{last}"})
            assert part.status_code == 206
            assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(large)}"
            assert part.content == large[first : last + 1]
        assert client.get(url, headers={"Range": "bytes=-5"}).content == large[-5:]
        assert client.get(url, headers={"Range": f"bytes={len(large)}-"}).status_code == 416
        assert int(client.head(url).headers["Content-Length"]) == len(large)

        # Each content once, under its digest, and nothing else but the owner's mark.
        assert s3.keys(bucket) == {
            f"a/prefix/{key_of(b'')}": 0,
            f"a/prefix/{key_of(small)}": 1000,
            f"a/prefix/{key_of(large)}": len(large),
            "a/prefix/maru-owner": 33,
        }
        assert client.delete(url).status_code == 200
        assert client.get(url).status_code == 404
    assert not list(server.data.glob("blobs/*"))
    assert_no_secrets(server)


def test_what_was_kept_is_there_after_a_kill(s3: S3Server, start: Start) -> None:
    bucket = s3.new_bucket()
    server = start(s3, f"s3://{bucket}")
    project = server.new_project()
    content = noise(20 * MIB, seed=3)
    url = artifact(project, "file")
    with server.client() as client:
        assert client.put(url, content=content).status_code == 200
        with pytest.raises(httpx.HTTPError):
            client.put(artifact(project, "half"), content=dies_after(server, noise(40 * MIB)))
    assert any(key.startswith(".uploads/") for key in s3.keys(bucket))
    server.start()
    with server.client() as client:
        assert client.get(url).content == content
        assert client.get(artifact(project, "half")).status_code == 404
    # What the interrupted upload had sent is removed.
    assert set(s3.keys(bucket)) == {key_of(content), "maru-owner"}


def dies_after(victim: Any, content: bytes) -> Iterator[bytes]:
    """Three quarters of a body, the death of someone, the rest."""
    middle = len(content) * 3 // 4
    for at in range(0, len(content), MIB):
        if at == middle:
            victim.kill()
        yield content[at : at + MIB]


def test_an_s3_server_that_dies(own_s3: S3Server, start: Start) -> None:
    bucket = own_s3.new_bucket()
    server = start(own_s3, f"s3://{bucket}")
    project = server.new_project()
    content = noise(40 * MIB, seed=4)
    url = artifact(project, "file")
    with server.client(timeout=300) as client:
        before = noise(3000)
        assert client.put(artifact(project, "before"), content=before).status_code == 200
        answer = client.put(url, content=dies_after(own_s3, content))
        assert answer.status_code == 503
        assert "does not answer" in answer.text
        assert client.get(url).status_code == 404
        # What is known is listed; its bytes can't be had, and the answer says so.
        answer = client.get(artifact(project, "before"))
        assert answer.status_code == 503
        assert "does not answer" in answer.text

        own_s3.start()
        assert client.get(artifact(project, "before")).content == before
        assert client.put(url, content=content).status_code == 200
        assert client.get(url).content == content
    # The second upload has ended the first one's parts.
    assert set(own_s3.keys(bucket)) == {key_of(before), key_of(content), "maru-owner"}
    assert_no_secrets(server)


@pytest.mark.parametrize(
    ("bucket", "arguments", "variables", "words"),
    [
        (None, (), {"MARU_S3_SECRET_ACCESS_KEY": "wrong-secret"}, "secret access key is wrong"),
        (None, (), {"MARU_S3_ACCESS_KEY_ID": "wrong-key"}, "does not know the access key id"),
        (None, (), {"MARU_S3_SECRET_ACCESS_KEY": ""}, "MARU_S3_SECRET_ACCESS_KEY is not set"),
        (None, ("--s3-credentials", "/nowhere"), {}, "/nowhere"),
        (None, (), credentials("reader", "reads-only"), "does not allow this server to write"),
        ("s3://no-such-bucket", (), {}, 'there is no bucket "no-such-bucket"'),
        ("s3://", (), {}, "--blobs"),
        ("elsewhere", (), {}, 'neither "disk" nor s3://'),
    ],
)
def test_what_is_wrong_is_said_at_the_start(
    s3: S3Server,
    start: Start,
    bucket: str | None,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    words: str,
) -> None:
    with pytest.raises(ServerFailed, match="error: ") as failed:
        start(s3, bucket or f"s3://{s3.new_bucket()}", *arguments, **variables)
    text = str(failed.value)
    assert words in text
    for secret in (SECRET, KEY_ID, "wrong-secret", "wrong-key", "reads-only"):
        assert secret not in text


def test_a_dead_endpoint_is_said_at_the_start(new_server: Start) -> None:
    with pytest.raises(ServerFailed, match="does not answer"):
        new_server(
            *("--blobs", "s3://bucket", "--s3-endpoint", "http://127.0.0.1:1"),
            variables=credentials(),
        )


def test_objects_stay_where_they_were_begun(s3: S3Server, start: Start) -> None:
    bucket = s3.new_bucket()
    blobs = f"s3://{bucket}/one"
    server = start(s3, blobs)
    project = server.new_project()
    content = noise(5000)
    with server.client() as client:
        assert client.put(artifact(project, "file"), content=content).status_code == 200
    server.stop()

    # The same data with disk is refused, and told how to go on.
    s3_arguments = server._arguments
    server._arguments = ()
    with pytest.raises(ServerFailed, match=f"objects are in {blobs}, but --blobs says disk"):
        server.start()

    # Another data directory may not use the same prefix.
    with pytest.raises(ServerFailed, match="belong to the server of another data directory"):
        start(s3, blobs)

    # Copied by name, they are found on disk.
    target = server.data / "blobs" / key_of(content)
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    server._arguments = ("--blobs-moved",)
    server.start()
    with server.client() as client:
        assert client.get(artifact(project, "file")).content == content
    server.stop()
    server._arguments = s3_arguments
    with pytest.raises(ServerFailed, match="objects are on disk"):
        server.start()


def test_jobs_and_endpoints_read_from_s3(s3: S3Server, start: Start, tmp_path: Path) -> None:
    server = start(s3, f"s3://{s3.new_bucket()}", "--blob-cache", "1MiB")
    with mlflow_project(server) as project:
        work = tmp_path / "work"
        (work / "lib").mkdir(parents=True)
        (work / "lib" / "said.txt").write_text("read from the object store")
        (work / "show.sh").write_text('cat lib/said.txt; echo " by $0"; env')
        (work / "show.sh").chmod(0o755)
        maru = CommandLine(server, tmp_path, project.name)
        shown = maru("run", "--cpus", "0.1", "--memory", "256MiB", "./show.sh", cwd=work).stdout
        assert "read from the object store by ./show.sh" in shown
        assert "MARU_S3" not in shown

        with mlflow.start_run():
            mlflow.onnx.log_model(affine_model(), name="model", registered_model_name="affine")
        project.post("/endpoints", {"name": "affine", "model": "affine/1"})
        predicted = httpx.post(
            f"{server.url}/p/{project.name}/endpoints/affine/invocations",
            json={"inputs": ROWS.tolist()},
            headers={"Authorization": f"Bearer {server.token}"},
            timeout=600,
        )
        assert predicted.status_code == 200, predicted.text
        assert predicted.json()["predictions"]["y"] == (2 * ROWS + 1).tolist()
        cached = list((server.data / "blob-cache" / "objects").iterdir())
        assert cached
        assert sum(file.stat().st_size for file in cached) <= MIB
    assert_no_secrets(server)


def test_what_nobody_names_is_collected(s3: S3Server, start: Start) -> None:
    bucket = s3.new_bucket()
    server = start(s3, f"s3://{bucket}/p")
    project = server.new_project()
    stays, goes = noise(3000, seed=5), noise(20 * MIB, seed=6)
    with server.client() as client:

        def collect(**fields: Any) -> Any:
            answer = client.post("/api/v1/collection", json={"grace_s": 0, **fields})
            assert answer.status_code == 200, answer.text
            return answer.json()

        for name, content in (("stays", stays), ("goes", goes), ("same", stays)):
            assert client.put(artifact(project, name), content=content).status_code == 200
        assert client.delete(artifact(project, "goes")).status_code == 200
        assert client.delete(artifact(project, "same")).status_code == 200
        assert collect(grace_s=3600)["files_removed"] == 0
        assert collect(dry_run=True)["files_removed"] == 1
        assert f"p/{key_of(goes)}" in s3.keys(bucket)
        done = collect()
        assert (done["files_removed"], done["bytes_freed"]) == (1, len(goes))
        assert (done["files_kept"], done["bytes_kept"]) == (1, len(stays))
        assert set(s3.keys(bucket)) == {f"p/{key_of(stays)}", "p/maru-owner"}
        assert client.get(artifact(project, "stays")).content == stays
        # What went may come again.
        assert client.put(artifact(project, "goes"), content=goes).status_code == 200
        assert client.get(artifact(project, "goes")).content == goes


def test_over_tls(start: Start) -> None:
    with S3Server(encrypted=True) as s3:
        blobs = f"s3://{s3.new_bucket()}"
        with pytest.raises(ServerFailed, match="does not answer: SSL"):
            start(s3, blobs)
        server = start(s3, blobs, "--s3-ca", str(s3.certificate))
        project = server.new_project()
        content = noise(20 * MIB, seed=7)
        with server.client() as client:
            assert client.put(artifact(project, "file"), content=content).status_code == 200
            assert client.get(artifact(project, "file")).content == content
