"""HTTP as a hostile or broken client speaks it: targets and bodies go out exactly as given."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from maru_server import Server


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One kept connection; made anew where the server closed it."""

    def __init__(self, server: Server, token: str | None = None, timeout: float = 60) -> None:
        parts = urlsplit(server.url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self._token = token

    def __call__(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"Content-Type": "application/json"} if body is not None else {}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        sent |= headers or {}
        try:
            return self._exchange(method, target, body, sent)
        except (http.client.HTTPException, ConnectionError):
            # A refused body ends the connection; a crash of the server fails the second try too.
            self._connection.close()
            return self._exchange(method, target, body, sent)

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        self._connection.request(method, target, body=body, headers=dict(headers))
        answer = self._connection.getresponse()
        if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            self._connection.close()  # it goes on for ever
            return Answer(answer.status, answer.headers, b"")
        content = answer.read()
        if answer.will_close:
            self._connection.close()
        return Answer(answer.status, answer.headers, content)

    def close(self) -> None:
        self._connection.close()


def connect(server: Server, timeout: float = 30) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    assert parts.port is not None
    return socket.create_connection((parts.hostname, parts.port), timeout=timeout)


def talk(server: Server, sent: bytes, *, end: bool = True) -> bytes:
    """What the server answers to some bytes until it closes the connection."""
    with connect(server) as connection:
        received = b""
        try:
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # as good an end as any for what was sent
        return received
