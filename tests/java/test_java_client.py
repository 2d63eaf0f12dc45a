"""MLflow's Java client does its main job unmodified; `make test-java` installs what it needs."""

import os
import subprocess
from pathlib import Path

import pytest
from maru_server import ROOT, Project

pytestmark = pytest.mark.java


def test_the_main_job_of_the_java_client(project: Project) -> None:
    variables = os.environ | {
        "MARU_URL": f"{project.server.url}/p/{project.name}",
        "MARU_TOKEN": project.server.token,
        # For artifacts the Java client runs the Python one.
        "PATH": f"{ROOT}/build/mlflow2-venv/bin:{os.environ['PATH']}",
    }
    result = subprocess.run(
        [
            "mvn", "--batch-mode", "--quiet", "--file", Path(__file__).with_name("pom.xml"),
            f"-Dmaven.repo.local={ROOT}/build/maven-repository",
            f"-Djava.client.build={ROOT}/build/java-client",
            "compile", "exec:java",
        ],
        env=variables, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "done" in result.stdout
