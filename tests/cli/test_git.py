"""`maru run` in a Git repository: what its run says about the code, and that nothing stops it."""

import os
import subprocess
from pathlib import Path

import pytest
from maru_server import CommandLine, Project

PREFIX = "mlflow.source.git."


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
    }  # fmt: skip
    result = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "code"
    made.mkdir()
    (made / "train.py").write_text("print(1)\n")
    return made


def tags_of_run(maru: CommandLine, project: Project, folder: Path) -> dict[str, str]:
    job = maru("run", "--detach", "true", cwd=folder).stdout.strip()
    tags: dict[str, str] = project.get(f"/runs/{project.wait(job)['run_id']}")["tags"]
    return {k.removeprefix(PREFIX): v for k, v in tags.items() if k.startswith(PREFIX)}


def test_a_run_names_commit_branch_remote_and_diff(
    maru: CommandLine, project: Project, folder: Path
) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    # Nothing committed yet.
    assert tags_of_run(maru, project, folder) == {}
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    git(folder, "remote", "add", "origin", "https://ada:secret@example.org/a/b.git")
    commit = git(folder, "rev-parse", "HEAD")
    expected = {
        "commit": commit, "branch": "main", "dirty": "false",
        "repoURL": "https://example.org/a/b.git",
    }  # fmt: skip
    assert tags_of_run(maru, project, folder) == expected
    (folder / "train.py").write_text("print(2)\n")
    changed = tags_of_run(maru, project, folder)
    assert changed["dirty"] == "true"
    assert "-print(1)\n+print(2)\n" in changed["diff"]
    shown = maru("job", "show", project.get("/jobs")["items"][0]["id"]).stdout
    assert f"{commit} on main, changed since (https://example.org/a/b.git)" in shown
    # More than a tag holds: the snapshot has the files themselves.
    (folder / "train.py").write_text("print('x')\n" * 100_000)
    large = tags_of_run(maru, project, folder)
    assert "diff" not in large
    assert large["dirty"] == "true"
    # Of no branch; and bytes that are no text.
    git(folder, "checkout", "--quiet", "--detach")
    (folder / "train.py").write_bytes(b"# \xff\xfe\n")
    detached = tags_of_run(maru, project, folder)
    assert "branch" not in detached
    assert detached["commit"] == commit
    assert maru("run", "--detach", "--no-code", "true", cwd=folder)


def test_without_a_repository_or_git_it_runs_all_the_same(
    maru: CommandLine, project: Project, folder: Path
) -> None:
    assert tags_of_run(maru, project, folder) == {}
    (folder / ".git").write_text("gitdir: nowhere\n")
    assert tags_of_run(maru, project, folder) == {}
    maru.variables["PATH"] = str(folder)
    (folder / ".git").unlink()
    assert tags_of_run(maru, project, folder) == {}


def test_a_repository_cannot_have_programs_run(
    maru: CommandLine, project: Project, folder: Path
) -> None:
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    mark = folder / "mark"
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(folder, "config", key, f"touch {mark}; true")
    (folder / "train.py").write_text("print(2)\n")
    assert tags_of_run(maru, project, folder)["dirty"] == "true"
    assert not mark.exists()
