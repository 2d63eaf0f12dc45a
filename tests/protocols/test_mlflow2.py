"""MLflow's 2.x client, which many still have, does the main job unmodified."""

import os
import subprocess
from pathlib import Path

from maru_server import ROOT, Project

PYTHON = ROOT / "build/mlflow2-venv/bin/python"


def test_the_main_job_of_an_old_client(project: Project, tmp_path: Path) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    variables |= {
        "MLFLOW_TRACKING_URI": f"{project.server.url}/p/{project.name}",
        "MLFLOW_TRACKING_TOKEN": project.server.token,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "HOME": str(tmp_path),
    }
    result = subprocess.run(
        [PYTHON, Path(__file__).with_name("mlflow2") / "main_job.py"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "done" in result.stdout
