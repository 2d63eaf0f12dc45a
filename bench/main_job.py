"""The main job's figures beside what it replaces, in one run.

Start and memory, the command line, jobs, predictions. Loopback only,
and every loop is bounded.

usage: main_job.py [start] [cli] [jobs] [predict]      all of them without a name
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
from measure import (
    BINARY,
    CommandLine,
    Connection,
    MlflowServer,
    Server,
    median_ms,
    memory_mib,
    percentile_ms,
    print_machine,
    print_table,
    repeated,
    seconds_of,
    temporary_folder,
)


def start() -> None:
    first, again, memory = [], [], []
    for _ in range(5):
        server = Server()
        try:
            first.append(seconds_of(server.start))
            server.stop()
            again.append(seconds_of(server.start))
            time.sleep(1)  # idle is the subject
            memory.append(memory_mib([psutil.Process(server.pid)]))
        finally:
            server.close()
    mlflow = MlflowServer()
    mlflow_start = seconds_of(mlflow.__enter__)
    try:
        time.sleep(1)
        mlflow_memory = memory_mib(mlflow.processes())
    finally:
        mlflow.__exit__()
    print_table(
        "Start to ready, and idle memory (PSS)",
        [
            ("", "maru", "mlflow server", "goal"),
            (
                "first start",
                f"{median_ms(first):.0f} ms",
                f"{mlflow_start * 1000:.0f} ms",
                "≤ 300 ms",
            ),
            ("later start", f"{median_ms(again):.0f} ms", "", "≤ 300 ms"),
            ("idle memory", f"{sorted(memory)[2]:.0f} MiB", f"{mlflow_memory:.0f} MiB", "≤ 60 MB"),
        ],
    )


def cli() -> None:
    with Server() as server, temporary_folder() as home:
        maru = CommandLine(server, home)
        for _ in range(20):
            maru("run", "--detach", "--no-code", "--", "true")
        values = repeated(
            50,
            lambda: subprocess.run(
                [BINARY, "jobs"], env=maru.variables, stdout=subprocess.DEVNULL, check=True
            ),
        )
        nothing = repeated(50, lambda: subprocess.run(["true"], check=True))
        print_table(
            "A command that reads, wall time of the whole process",
            [
                ("", "p50", "p99", "goal"),
                (
                    "maru jobs",
                    f"{median_ms(values):.1f} ms",
                    f"{percentile_ms(values, 99):.1f} ms",
                    "≤ 20 ms",
                ),
                (
                    "true, for comparison",
                    f"{median_ms(nothing):.1f} ms",
                    f"{percentile_ms(nothing, 99):.1f} ms",
                    "",
                ),
            ],
        )


def podman_image(folder: Path) -> list[str] | None:
    """A command that runs echo in a container of a one-program image, where Podman is installed."""
    busybox = shutil.which("busybox")
    if not shutil.which("podman") or not busybox:
        return None
    root = folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    (root / "bin/echo").symlink_to("busybox")
    archive = folder / "root.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    name = "localhost/maru-bench:latest"
    runtime = ["--runtime", "runc"] if shutil.which("runc") else []
    subprocess.run(
        ["podman", *runtime, "import", "-q", archive, name], check=True, stdout=subprocess.DEVNULL
    )
    limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none"]
    return ["podman", *runtime, "run", "--rm", *limits, name, "/bin/echo", "here"]


def jobs() -> None:
    with Server() as server, temporary_folder() as home:
        maru = CommandLine(server, home)
        work = home / "work"
        work.mkdir()
        (work / "train.py").write_text("print('here')\n")
        project = server.project()
        environment = project.environment("")["id"]
        api = server.client()

        def first_line(options: list[str]) -> float:
            begin = time.perf_counter()
            done = subprocess.run(
                [BINARY, "run", "--detach", *options, "--", "echo", "here"],
                cwd=work,
                env=maru.variables,
                capture_output=True,
                text=True,
                check=True,
            )
            log = server.data / "workloads" / done.stdout.strip() / "logs/0.log"
            while not (log.exists() and log.stat().st_size):
                if time.perf_counter() - begin > 20:
                    raise SystemExit(f"no output after 20 s: {log}")
                time.sleep(0.0002)
            taken = time.perf_counter() - begin
            while api.get(f"{project.path}/jobs/{done.stdout.strip()}").json()["state"] in (
                "starting",
                "running",
            ):
                time.sleep(0.005)  # the next one starts on an idle machine
            return taken

        plain = [first_line(["--no-code"]) for _ in range(20)]
        warm = [first_line(["--env", environment]) for _ in range(20)]
        bash = repeated(
            20,
            lambda: subprocess.run(
                ["bash", "-c", "echo here"], stdout=subprocess.DEVNULL, check=True
            ),
        )
        container = podman_image(home)
        podman = (
            repeated(10, lambda: subprocess.run(container, stdout=subprocess.DEVNULL, check=True))
            if container
            else []
        )
        rows = [
            ("", "p50", "p99", "goal"),
            (
                "maru run --detach, environment and code",
                f"{median_ms(warm):.1f} ms",
                f"{percentile_ms(warm, 99):.1f} ms",
                "≤ 50 ms",
            ),
            (
                "maru run --detach, neither",
                f"{median_ms(plain):.1f} ms",
                f"{percentile_ms(plain, 99):.1f} ms",
                "",
            ),
            (
                "bash -c, whole process",
                f"{median_ms(bash):.1f} ms",
                f"{percentile_ms(bash, 99):.1f} ms",
                "",
            ),
        ]
        if podman:
            rows.append(
                (
                    "podman run, whole process",
                    f"{median_ms(podman):.1f} ms",
                    f"{percentile_ms(podman, 99):.1f} ms",
                    "",
                )
            )
        print_table("From `maru run` to the first line of echo", rows)


def predict() -> None:
    import mlflow
    import numpy as np
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    classifier = MLPClassifier((128, 64), max_iter=30, random_state=0).fit(images, labels)
    model = to_onnx(classifier, images[:1], options={"zipmap": False})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    one = images[:1]
    for _ in range(200):
        session.run(None, {"X": one})
    raw = repeated(2000, lambda: session.run(None, {"X": one}))

    with Server() as server, temporary_folder() as home:
        os.environ |= {
            "MLFLOW_TRACKING_URI": f"{server.url}/p/default",
            "MLFLOW_TRACKING_TOKEN": server.token,
        }
        mlflow.set_experiment("bench")
        with mlflow.start_run():
            mlflow.onnx.log_model(model, name="model", registered_model_name="digits")
        maru = CommandLine(server, home)
        maru("deploy", "digits/1", "--name", "digits", "--wait")
        connection = Connection(server.url, server.token)
        body: Any = {
            "inputs": [{"name": "X", "shape": [1, 64], "datatype": "FP32", "data": one[0].tolist()}]
        }
        infer = connection.encode("POST", "/p/default/v2/models/digits/infer", body)
        invocations = connection.encode(
            "POST", "/p/default/endpoints/digits/invocations", {"inputs": one.tolist()}
        )
        assert json.loads(connection.send(infer))["outputs"][0]["data"] == [
            int(classifier.predict(one)[0])
        ]
        for request in (infer, invocations):
            for _ in range(200):
                connection.send(request)
        ours = repeated(3000, lambda: connection.send(infer))
        scoring = repeated(3000, lambda: connection.send(invocations))
        health = connection.encode("GET", "/health")
        floor = repeated(3000, lambda: connection.send(health))

    def row(name: str, values: list[float], goal: str = "") -> tuple[str, ...]:
        added = median_ms(values) - median_ms(raw)
        return (
            name,
            f"{median_ms(values):.3f} ms",
            f"{percentile_ms(values, 99):.3f} ms",
            f"{added:.3f} ms",
            goal,
        )

    print_table(
        "One prediction of a 64-128-64-10 network, through gateway and replica",
        [
            ("", "p50", "p99", "added at p50", "goal"),
            row("raw ONNX Runtime from Python", raw),
            row("Open Inference Protocol, JSON", ours, "≤ 0.3 ms"),
            row("MLflow /invocations", scoring, "≤ 0.3 ms"),
            row("GET /health, for comparison", floor),
        ],
    )


BENCHMARKS = {"start": start, "cli": cli, "jobs": jobs, "predict": predict}

if __name__ == "__main__":
    print_machine()
    for name in sys.argv[1:] or BENCHMARKS:
        BENCHMARKS[name]()
