"""Bytes that are no HTTP, or too much of it, and clients that hang: the server goes on."""

import contextlib
import random
import socket
import time
from hashlib import sha256

import psutil
import pytest
from maru_server import Server
from wire import Wire, connect, talk

GARBAGE = [
    b"",
    b"\r\n\r\n",
    b"\x00" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the beginning of TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET",
    b"GET /health",
    b"GET /health HTTP/1.1",
    b"GET /health HTTP/1.1\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n",
    b"GET  /health  HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /health\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nHost: y\r\nBad Header: 1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET /health HTTP/1.1\r\n folded: x\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"ffffffffffffffffff\r\n{}\r\n",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{}",
    b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nExpect: something\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"A" * 300_000,
]


def check_healthy(server: Server) -> None:
    wire = Wire(server, server.token)
    assert wire("GET", "/health").status == 200
    assert wire("GET", "/api/v1/status").status == 200
    wire.close()


@pytest.mark.parametrize("sent", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_request(server: Server, sent: bytes) -> None:
    answer = talk(server, sent)
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert answer.startswith(b"HTTP/1.1 ")
        assert status < 500 or status in (501, 505), answer
    check_healthy(server)


def test_random_bytes(server: Server) -> None:
    chance = random.Random(20261122)
    request = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 37\r\n\r\n" + b'{"username":"admin","password":"no!"}'
    )
    for _ in range(300):
        damaged = bytearray(request)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(damaged))
            match chance.randrange(3):
                case 0:
                    damaged[at] = chance.randrange(256)
                case 1:
                    del damaged[at : at + chance.randint(1, 10)]
                case 2:
                    damaged[at:at] = chance.randbytes(chance.randint(1, 10))
        answer = talk(server, bytes(damaged))
        if answer:
            status = int(answer.split(b" ", 2)[1])
            assert status < 500 or status in (501, 505), (bytes(damaged), answer)
    check_healthy(server)


def test_a_request_byte_by_byte(server: Server) -> None:
    with connect(server) as connection:
        for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            connection.sendall(bytes([byte]))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests(server: Server) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = talk(server, request * 99 + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 100


def test_many_idle_connections(server: Server) -> None:
    """They cost the server neither threads nor attention."""
    process = psutil.Process(server.pid)
    check_healthy(server)
    threads = process.num_threads()
    with contextlib.ExitStack() as stack:
        for number in range(200):
            connection = stack.enter_context(connect(server))
            match number % 4:
                case 1:
                    connection.sendall(b"GET /hea")
                case 2:
                    connection.sendall(
                        b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
                    )
                case 3:
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check_healthy(server)
        assert process.num_threads() <= threads + 4
    check_healthy(server)


def open_upload(server: Server, digest: str, length: int) -> socket.socket:
    connection = connect(server)
    connection.sendall(
        f"PUT /api/v1/projects/default/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    return connection


def test_slow_uploads_hold_up_nobody(server: Server) -> None:
    content = b"slowly does it"
    digest = sha256(content).hexdigest()
    with contextlib.ExitStack() as stack:
        uploads = [
            stack.enter_context(open_upload(server, digest, len(content))) for _ in range(40)
        ]
        for upload in uploads:
            upload.sendall(content[:5])
        started = time.monotonic()
        check_healthy(server)
        assert time.monotonic() - started < 20
        for upload in uploads:
            upload.sendall(content[5:])
        for upload in uploads:
            assert upload.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_upload_that_breaks_off(server: Server) -> None:
    content = b"x" * 100_000
    digest = sha256(content).hexdigest()
    for _ in range(5):
        with open_upload(server, digest, len(content)) as upload:
            upload.sendall(content[:50_000])
    wire = Wire(server, server.token)
    missing = b'{"digests":["' + digest.encode() + b'"]}'
    path = "/api/v1/projects/default/blobs"
    assert wire("POST", f"{path}/missing", missing).json() == {"missing": [digest]}
    wrong = wire("PUT", f"{path}/{digest}", b"something else")
    assert (wrong.status, wrong.json()["error"]["code"]) == (400, "data_loss")
    assert wire("POST", f"{path}/missing", missing).json() == {"missing": [digest]}
    assert wire("PUT", f"{path}/{digest}", content).status == 200
    wire.close()
    deadline = time.monotonic() + 30
    while left := list((server.data / "blobs/uploads").iterdir()):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_body_that_is_too_large(server: Server) -> None:
    wire = Wire(server, server.token)
    body = b'{"name":"' + b"x" * (17 << 20) + b'"}'
    answer = wire("POST", "/api/v1/projects", body)
    assert answer.status == 413
    assert answer.json()["error"]["code"] in (
        "resource_exhausted",
        "out_of_range",
        "invalid_argument",
    )
    wire.close()
    check_healthy(server)
