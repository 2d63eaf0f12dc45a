"""Environments and code snapshots through the API, built for real with uv."""

import hashlib
import os
import threading
from typing import Any

import pytest
from maru_server import Project, Server

# Small and without dependencies: the builds here are about building, not about downloads.
SMALL = "iniconfig==2.0.0"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_an_environment_is_built_and_used(project: Project) -> None:
    environment = project.environment(SMALL, name="small")
    assert environment["version"] == 1
    assert "iniconfig==2.0.0" in environment["lock"]
    assert environment["size_bytes"] > 10_000
    job = project.run(
        "python",
        "-c",
        "import iniconfig, sys; print(iniconfig.__file__); print(sys.prefix)",
        environment="small",
    )
    assert project.wait(job)["state"] == "succeeded", project.log(job)
    assert "/venv/lib/" in project.log(job)


def test_the_same_requirements_are_built_once(project: Project) -> None:
    first = project.environment(SMALL)
    again = project.post("/environments", {"requirements": f"# a comment\n{SMALL}\n"})
    assert again["id"] == first["id"]
    assert again["build_job_id"] == first["build_job_id"]
    assert again["state"] == "ready"


def test_requests_at_the_same_moment_build_once(project: Project) -> None:
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(project.post("/environments", {"requirements": SMALL}))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert len({answer["build_job_id"] for answer in answers}) == 1
    builds = project.get("/jobs", kind="environment_build")["items"]
    assert len(builds) == 1


def test_a_job_waits_for_its_environment(project: Project) -> None:
    project.post("/environments", {"requirements": SMALL, "name": "small"})
    job = project.run("python", "-c", "import iniconfig; print('found')", environment="small")
    assert project.wait(job)["state"] == "succeeded", project.log(job)


def test_a_requirement_that_does_not_exist_is_named(project: Project) -> None:
    missing = "maru-no-such-package-anywhere"
    created = project.post("/environments", {"requirements": missing, "name": "broken"})
    job = project.run("python", "-c", "pass", environment="broken")
    assert project.wait(created["build_job_id"])["state"] == "failed"
    environment = project.get("/environments/broken")
    assert environment["state"] == "failed"
    assert missing in environment["error"]
    waiting = project.wait(job)
    assert waiting["state"] == "failed"
    assert missing in waiting["reason"]
    refused = project.post("/jobs", {"command": ["true"], "environment": "broken"}, status=400)
    assert missing in refused["error"]["message"]


def test_a_failed_build_is_tried_again(project: Project) -> None:
    missing = "maru-no-such-package-anywhere"
    first = project.post("/environments", {"requirements": missing})
    project.wait(first["build_job_id"])
    again = project.post("/environments", {"requirements": missing})
    assert again["id"] == first["id"]
    assert again["build_job_id"] != first["build_job_id"]
    project.wait(again["build_job_id"])


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        ("-r other.txt", "other files can't be included"),
        ("-e .", "editable"),
        ("../package", "local paths"),
        ("--target=/etc", "only the options"),
    ],
)
def test_lines_that_cannot_be_followed_are_refused(
    project: Project, requirements: str, said: str
) -> None:
    answer = project.post("/environments", {"requirements": requirements}, status=400)
    assert said in answer["error"]["message"]


def test_an_environment_that_does_not_exist_is_named(project: Project) -> None:
    answer = project.post("/jobs", {"command": ["true"], "environment": "nowhere"}, status=404)
    assert '"nowhere"' in answer["error"]["message"]
    project.get("/environments/nowhere", status=404)


def test_an_environment_in_use_is_not_deleted(project: Project) -> None:
    project.environment(SMALL, name="small")
    job = project.run(
        "python", "-uc", "import time; print('running'); time.sleep(600)", environment="small"
    )
    project.wait_for_log(job, "running")
    refused = project.delete("/environments/small", status=400)
    assert job in refused["error"]["message"]
    project.post(f"/jobs/{job}/stop", {})
    project.wait(job)
    project.delete("/environments/small")
    project.get("/environments/small", status=404)


def test_jobs_cannot_change_their_environment(project: Project) -> None:
    project.environment(SMALL, name="small")
    job = project.run(
        "python",
        "-c",
        "import iniconfig; open(iniconfig.__file__, 'a')",
        environment="small",
    )
    assert project.wait(job)["state"] == "failed"
    assert "Read-only file system" in project.log(job)


def test_a_build_goes_on_while_the_server_is_gone(own_server: Server) -> None:
    project = own_server.project()
    created = project.post("/environments", {"requirements": SMALL, "name": "small"})
    own_server.kill()
    own_server.start()
    project.wait(created["build_job_id"])
    environment = project.get("/environments/small")
    assert environment["state"] == "ready", project.log(created["build_job_id"])
    assert environment["build_job_id"] == created["build_job_id"]


def test_code_is_uploaded_once_and_copied_for_each_job(project: Project) -> None:
    content = b"#!/bin/sh\necho changed >>note.txt\ncat note.txt\n"
    missing = project.post("/blobs/missing", {"digests": [digest(content)]})["missing"]
    assert missing == [digest(content)]
    code = project.upload_code(
        {"run.sh": content.decode(), "note.txt": "first\n", "deep/er/x": ""},
        executable=("run.sh",),
    )
    assert project.post("/blobs/missing", {"digests": [digest(content)]})["missing"] == []
    for _ in range(2):
        job = project.run("./run.sh", code=code)
        assert project.wait(job)["state"] == "succeeded", project.log(job)
        assert project.log(job) == "first\nchanged\n"
    files = project.get(f"/code-snapshots/{code}/files")["items"]
    assert [file["path"] for file in files] == ["deep/er/x", "note.txt", "run.sh"]
    address = f"/api/v1/projects/{project.name}/code-snapshots/{code}/content"
    with project.server.client() as client:
        for path, text in (("note.txt", "first\n"), ("deep/er/x", "")):
            answer = client.get(address, params={"path": path})
            assert (answer.status_code, answer.text) == (200, text)
            assert answer.headers["content-disposition"].startswith("attachment")
        answer = client.get(address, params={"path": "../note.txt"})
        assert answer.status_code == 404
        assert "has no file" in answer.json()["error"]["message"]
        assert client.get(address).status_code == 400


def test_large_files_are_streamed(project: Project) -> None:
    content = os.urandom(20 << 20)
    answer = project.request("PUT", f"/blobs/{digest(content)}", content=content)
    assert answer["size_bytes"] == len(content)


def test_bytes_with_another_digest_are_refused(project: Project) -> None:
    wrong = digest(b"this")
    project.request("PUT", f"/blobs/{wrong}", content=b"other", status=400)
    assert project.post("/blobs/missing", {"digests": [wrong]})["missing"] == [wrong]


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", ""])
def test_paths_that_leave_the_directory_are_refused(project: Project, path: str) -> None:
    project.request("PUT", f"/blobs/{digest(b'x')}", content=b"x")
    listed = {"path": path, "sha256": digest(b"x"), "size_bytes": 1}
    answer = project.post("/code-snapshots", {"files": [listed]}, status=400)
    assert "files[0].path" in answer["error"]["message"]


def test_another_projects_files_are_out_of_reach(server: Server, project: Project) -> None:
    content = b"only ours"
    project.request("PUT", f"/blobs/{digest(content)}", content=content)
    other = server.new_project()
    assert other.post("/blobs/missing", {"digests": [digest(content)]})["missing"] != []
    listed = {"path": "a", "sha256": digest(content), "size_bytes": len(content)}
    other.post("/code-snapshots", {"files": [listed]}, status=400)
