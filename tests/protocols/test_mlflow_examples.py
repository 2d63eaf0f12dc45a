"""Programs as people write them, run as they are with the newest mlflow client."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from maru_server import Project

EXAMPLES = Path(__file__).with_name("examples")


@pytest.mark.parametrize("example", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_example(project: Project, tmp_path: Path, example: str) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    variables |= {
        "MLFLOW_TRACKING_URI": f"{project.server.url}/p/{project.name}",
        "MLFLOW_TRACKING_TOKEN": project.server.token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MPLBACKEND": "Agg",
        "HOME": str(tmp_path),
    }
    result = subprocess.run(
        [sys.executable, EXAMPLES / f"{example}.py"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("done\n"), result.stdout + result.stderr
