"""What stands in the way of a start is said in one line, and nothing is left half made."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from maru_server import BINARY, Server

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others and mount")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="maru-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def refusal(
    data: Path, *arguments: str, before: tuple[str, ...] = (), listen: str = "127.0.0.1:0"
) -> tuple[int, str]:
    """The exit code and the one line of a server that does not start."""
    words: list[str | Path] = [
        *before,
        BINARY,
        "server",
        "--data",
        data,
        "--listen",
        listen,
        *arguments,
    ]
    ended = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    assert "ready" not in ended.stdout
    assert ended.returncode in (1, 2), (ended.returncode, ended.stderr)
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("20")]  # the log's
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("error: "), ended.stderr
    for word in ("terminate", "what()", "Assertion", "boost", "std::", "sqlite3_"):
        assert word not in ended.stderr
    return ended.returncode, lines[0]


def starts(new_server: Callable[..., Server], data: Path) -> Server:
    """A server over a folder that one was refused before: as good as new."""
    server = new_server()
    server.stop()
    shutil.rmtree(server.data)
    server.data = data
    server.start()
    assert any("sign in as admin" in line for line in server.output)
    return server


@as_root
def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "data").mkdir(mode=0o755)
    code, line = refusal(folder / "data", before=AS_NOBODY)
    assert code == 1
    assert str(folder / "data") in line
    assert "permission denied" in line.lower()
    assert list((folder / "data").iterdir()) == []


@as_root
def test_a_parent_that_cannot_be_written(folder: Path) -> None:
    code, line = refusal(folder / "no" / "data", before=AS_NOBODY)
    assert (code, str(folder / "no/data") in line) == (1, True)
    assert list(folder.iterdir()) == []


@as_root
def test_a_read_only_file_system(folder: Path, new_server: Callable[..., Server]) -> None:
    server = new_server()
    server.stop()
    subprocess.run(["mount", "--bind", server.data, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        code, line = refusal(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
    assert code == 1
    assert str(folder) in line
    assert "read-only" in line.lower() or "permission" in line.lower()


def test_a_file_instead_of_a_folder(folder: Path) -> None:
    file = folder / "data"
    file.write_text("mine")
    code, line = refusal(file)
    assert (code, str(file) in line) == (1, True)
    assert file.read_text() == "mine"


def test_a_port_in_use(folder: Path, new_server: Callable[..., Server]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, line = refusal(folder / "data", listen=f"127.0.0.1:{port}")
    assert code == 1
    assert str(port) in line
    assert "in use" in line
    starts(new_server, folder / "data")


def test_a_second_server_on_the_same_data(own_server: Server) -> None:
    code, line = refusal(own_server.data)
    assert code == 1
    assert "in use" in line
    with own_server.client() as client:
        assert client.get("/api/v1/status").status_code == 200
    own_server.restart()


def test_a_database_of_a_newer_version(own_server: Server) -> None:
    own_server.stop()
    with sqlite3.connect(own_server.data / "maru.db") as database:
        database.execute("insert into schema_migrations values ('compute', 999, 0)")
    code, line = refusal(own_server.data)
    assert code == 1
    assert "newer" in line
    with sqlite3.connect(own_server.data / "maru.db") as database:
        database.execute("delete from schema_migrations where number = 999")
    own_server.start()


@pytest.mark.parametrize("damage", ["garbage", "cut", "overwritten"])
def test_a_corrupt_database(own_server: Server, damage: str) -> None:
    own_server.new_project()
    own_server.stop()
    file = own_server.data / "maru.db"
    whole = file.read_bytes()
    match damage:
        case "garbage":
            file.write_bytes(b"this is not a database" * 1000)
        case "cut":
            file.write_bytes(whole[: len(whole) // 2])
        case "overwritten":
            file.write_bytes(whole[:4096] + b"\xff" * 40960 + whole[4096 + 40960 :])
    damaged = file.read_bytes()
    code, line = refusal(own_server.data)
    assert code == 1
    assert str(file) in line, line
    assert file.read_bytes() == damaged
    file.write_bytes(whole)
    own_server.start()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--no-such-flag",), "--no-such-flag"),
        (("extra",), "extra"),
        (("--auth", "maybe"), "--auth"),
        (("--auth",), "--auth"),
        (("--listen", "nonsense"), "--listen"),
        (("--listen", "127.0.0.1:99999"), "--listen"),
        (("--listen", ":80"), "--listen"),
        (("--listen", "0.0.0.0:0"), "--allow-plain-http"),
        (("--listen", "[::]:0"), "--allow-plain-http"),
        (("--listen", "0.0.0.0:0", "--auth", "none"), "--auth"),
        (("--listen", "0.0.0.0:0", "--auth", "none", "--allow-plain-http"), "--auth"),
        (("--tls-cert", "/nowhere.pem"), "--tls-key"),
        (("--tls-key", "/nowhere.pem"), "--tls-cert"),
        (("--data", ""), "--data"),
    ],
)
def test_wrong_flags(folder: Path, arguments: tuple[str, ...], named: str) -> None:
    words: list[str | Path] = [BINARY, "server", "--data", folder / "data", *arguments]
    if "--listen" in arguments or "--data" in arguments:
        words = [BINARY, "server", *arguments]
    ended = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("error: ")
    assert named in ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert list(folder.iterdir()) == []


def test_an_address_that_is_not_here(folder: Path) -> None:
    code, line = refusal(folder / "data", "--allow-plain-http", listen="192.0.2.1:0")
    assert code in (1, 2)
    assert "192.0.2.1" in line


@pytest.mark.parametrize("content", [None, b"", b"not a certificate"])
def test_certificates_that_are_none(folder: Path, content: bytes | None) -> None:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if content is not None:
        certificate.write_bytes(content)
        key.write_bytes(content)
    code, line = refusal(folder / "data", "--tls-cert", str(certificate), "--tls-key", str(key))
    assert code in (1, 2)
    assert str(certificate) in line


def test_a_key_of_another_certificate(folder: Path, new_server: Callable[..., Server]) -> None:
    for name in ("a", "b"):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
             "-out", folder / f"{name}.pem", "-days", "2"],
            check=True, capture_output=True,
        )  # fmt: skip
    code, line = refusal(
        folder / "data", "--tls-cert", str(folder / "a.pem"), "--tls-key", str(folder / "b.key")
    )
    assert code in (1, 2)
    assert str(folder / "b.key") in line
    assert "BEGIN" not in line
    starts(new_server, folder / "data")


def test_killed_during_the_first_start(folder: Path, new_server: Callable[..., Server]) -> None:
    """Whenever it dies, a later start lets the admin in."""
    for delay in range(12):
        data = folder / f"data{delay}"
        started = subprocess.Popen(
            [BINARY, "server", "--data", data, "--listen", "127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(timeout=0.005 * 1.6**delay)  # the moment is what varies
        started.kill()
        started.wait()
        server = new_server()
        server.stop()
        shutil.rmtree(server.data)
        server.data = data
        server.start()
        with server.client() as client:
            assert client.get("/api/v1/session").json()["user"]["name"] == "admin"
        assert server.stop() == 0


def test_ended_by_a_signal(own_server: Server) -> None:
    assert own_server.stop() == 0
    own_server.start()
    os.kill(own_server.pid, signal.SIGINT)
    assert own_server.stop() == 0
    own_server.start()
