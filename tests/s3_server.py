"""Runs SeaweedFS, an S3 server that checks signatures, with a bucket for each test."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

WEED = Path(sys.executable).with_name("weed")
REGION = "us-east-1"
KEY_ID = "maru-test-key"
SECRET = "kept/secret+by/the+tests"
START_SECONDS = 90.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class S3Server:
    """One `weed server` over one folder; may be killed and started again over the same."""

    def __init__(self, encrypted: bool = False) -> None:
        """`encrypted`: HTTPS, with a certificate of its own."""
        self.folder = Path(tempfile.mkdtemp(prefix="maru-s3-"))
        self._buckets = 0
        self._process: subprocess.Popen[bytes] | None = None
        names = ("master", "volume", "filer", "s3")
        ports = free_ports(2 * len(names))
        self._ports = {name: ports[2 * i : 2 * i + 2] for i, name in enumerate(names)}
        scheme = "https" if encrypted else "http"
        self.endpoint = f"{scheme}://127.0.0.1:{self._ports['s3'][0]}"
        self.certificate = self.folder / "certificate.pem"
        self._encryption: list[str] = []
        if encrypted:
            key = self.folder / "key.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-days", "2", "-subj", "/CN=s3",
                 "-addext", "subjectAltName=IP:127.0.0.1",
                 "-keyout", key, "-out", self.certificate],
                check=True, capture_output=True,
            )  # fmt: skip
            self._encryption = [f"-s3.cert.file={self.certificate}", f"-s3.key.file={key}"]
        self._filer = f"http://127.0.0.1:{self._ports['filer'][0]}"
        users = {
            "maru": (KEY_ID, SECRET, ["Admin"]),
            "reader": ("reader", "reads-only", ["Read", "List"]),
        }
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": key, "secretKey": secret}],
                "actions": actions,
            }
            for name, (key, secret, actions) in users.items()
        ]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        (self.folder / "data").mkdir()

    def __enter__(self) -> "S3Server":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start, and wait until it keeps what it is sent."""
        ports = [
            word
            for name, (port, grpc) in self._ports.items()
            for word in (f"-{name}.port={port}", f"-{name}.port.grpc={grpc}")
        ]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                WEED,
                "-logtostderr=true",
                "server",
                f"-dir={self.folder / 'data'}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
                f"-s3.config={self.folder / 's3.json'}",
                "-s3.iam=false",
                "-s3.autoCreateBucket=false",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                "-master.volumeSizeLimitMB=128",
                "-volume.max=100",
                *ports,
                *self._encryption,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"the S3 server did not start:\n{log_text[-4000:]}")
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            kept = httpx.post(f"{self._filer}/ready", files={"file": b"x" * 5000})
            return (
                kept.status_code == 201
                and httpx.get(self.endpoint, verify=False).status_code == 403
            )
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_bucket(self) -> str:
        self._buckets += 1
        name = f"bucket-{self._buckets}"
        httpx.post(f"{self._filer}/buckets/{name}/").raise_for_status()
        return name

    def keys(self, bucket: str) -> dict[str, int]:
        """What is in a bucket, parts of uploads included, with sizes."""
        found: dict[str, int] = {}

        def visit(folder: str) -> None:
            answer = httpx.get(
                f"{self._filer}/buckets/{bucket}/{folder}",
                params={"limit": 10000},
                headers={"Accept": "application/json"},
            )
            if answer.status_code == 404:
                return
            for entry in answer.json()["Entries"] or []:
                name = folder + entry["FullPath"].rsplit("/", 1)[1]
                if entry["Mode"] & 1 << 31:  # a folder, as Go says it
                    visit(name + "/")
                else:
                    found[name] = entry["FileSize"]

        visit("")
        return found


def credentials(key_id: str = KEY_ID, secret: str = SECRET) -> dict[str, str]:
    """Variables of a server that may use the buckets."""
    return {"MARU_S3_ACCESS_KEY_ID": key_id, "MARU_S3_SECRET_ACCESS_KEY": secret}
