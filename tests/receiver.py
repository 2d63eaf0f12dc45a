"""A receiver of webhooks on loopback, which answers as a test wants."""

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

PATIENCE_S = 60.0


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def event(self) -> str:
        return f"{self.body['entity']}.{self.body['action']}"

    @property
    def id(self) -> str:
        return self.headers["X-MLflow-Delivery-Id"]

    def is_signed_with(self, secret: str) -> bool:
        """As docs/webhooks.md has it."""
        timestamp = self.headers["X-MLflow-Timestamp"]
        signed = f"{self.id}.{timestamp}.".encode() + self.content
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(digest).decode()
        fresh = abs(time.time() - int(timestamp)) < 300
        return fresh and hmac.compare_digest(self.headers["X-MLflow-Signature"], expected)


class Receiver:
    """Listens from its making to the end of its `with`; `answers` come in order, then 200."""

    def __init__(self, answers: Iterable[int | tuple[int, dict[str, str]]] = ()) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        self.go_on = threading.Event()  # cleared: requests get no answer until it is set
        self.go_on.set()
        script = list(answers)
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer.received.put(Received(self.path, dict(self.headers.items()), content))
                outer.go_on.wait(PATIENCE_S)
                with lock:
                    answer = script.pop(0) if script else 200
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                body = b"received"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a server that was killed

        self._server = Listener(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next(self) -> Received:
        return self.received.get(timeout=PATIENCE_S)
