"""`maru run` and the commands about jobs, with real processes."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from maru_server import BINARY, CommandLine, Project, Server

SMALL = ("--cpus", "0.1", "--memory", "256MiB")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def queue(maru: CommandLine, *arguments: str, cwd: Path | None = None) -> Any:
    """The job that `maru run` queued."""
    return json.loads(maru("run", "--detach", "--json", *arguments, cwd=cwd).stdout)


def wait_for_job(project: Project, state: str) -> str:
    """The id of the project's only job, once it is in a state."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        jobs = project.get("/jobs")["items"]
        if jobs and jobs[0]["state"] == state:
            return str(jobs[0]["id"])
        time.sleep(0.05)
    raise AssertionError(f"no job became {state}: {jobs}")


class Terminal:
    """A command on a pseudo terminal, so that Ctrl-C asks."""

    def __init__(self, maru: CommandLine, *arguments: str) -> None:
        self.leader, follower = pty.openpty()
        self.shown = ""
        self.process = subprocess.Popen(
            [BINARY, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=maru.variables | {"TERM": "xterm"},
            cwd=maru.home,
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
        )
        os.close(follower)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.shown:
            ready, _, _ = select.select([self.leader], [], [], deadline - time.monotonic())
            assert ready, f"waited for {text!r}:\n{self.shown}"
            try:
                self.shown += os.read(self.leader, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"ended without {text!r}:\n{self.shown}") from None

    def type(self, keys: str) -> None:
        os.write(self.leader, keys.encode())

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        os.close(self.leader)
        return code


def test_output_and_exit_code_are_the_jobs(maru: CommandLine, work: Path) -> None:
    (work / "hello.py").write_text("import sys; print('안녕'); sys.exit(int(sys.argv[1]))")
    done = maru("run", *SMALL, "python3", "hello.py", "0", cwd=work)
    assert done.stdout == "안녕\n"
    failed = maru("run", *SMALL, "--", "python3", "hello.py", "7", cwd=work, code=7)
    assert failed.stdout == "안녕\n"
    assert failed.stderr.startswith("error: job ")


def test_a_python_file_is_run_with_python(maru: CommandLine, work: Path) -> None:
    (work / "train.py").write_text("import sys; print(sys.argv[1:])")
    assert maru("run", *SMALL, "train.py", "--lr", "1", cwd=work).stdout == "['--lr', '1']\n"


def test_bytes_come_as_they_are(maru: CommandLine) -> None:
    script = r"printf 'a\377\000\033[31m\r\n\357\277\275z'"
    command = [str(BINARY), "run", "--no-code", *SMALL, "--", "sh", "-c", script]
    result = subprocess.run(
        command, env=maru.variables, cwd=maru.home, capture_output=True, timeout=120, check=True
    )
    assert result.stdout == b"a\xff\x00\x1b[31m\r\n\xef\xbf\xbdz"


def test_what_is_ignored_stays_and_the_rest_travels(maru: CommandLine, work: Path) -> None:
    (work / ".git").mkdir()
    (work / ".git/config").write_text("[core]\n")
    (work / ".gitignore").write_text("*.csv\n!small.csv\nout/\n")
    (work / ".maruignore").write_text("secret.txt\n")
    for name in ("large.csv", "small.csv", "secret.txt", "main.sh"):
        (work / name).write_text(name)
    (work / "main.sh").chmod(0o755)
    for folder in ("out", "lib/deep"):
        (work / folder).mkdir(parents=True)
        (work / folder / "x.txt").write_text("x")
    script = "find . -type f | sort; test -x main.sh && echo executable"
    result = maru("run", *SMALL, "--", "sh", "-c", script, cwd=work)
    assert result.stdout.split() == [
        "./.gitignore",
        "./.maruignore",
        "./lib/deep/x.txt",
        "./main.sh",
        "./small.csv",
        "executable",
    ]


def test_only_changed_files_travel(maru: CommandLine, work: Path) -> None:
    (work / "a.txt").write_text("one")
    first = queue(maru, *SMALL, "--", "cat", "a.txt", cwd=work)
    again = queue(maru, *SMALL, "--", "cat", "a.txt", cwd=work)
    assert first["code"] == again["code"]
    (work / "a.txt").write_text("two")
    assert maru("run", *SMALL, "--", "cat", "a.txt", cwd=work).stdout == "two"


def test_the_token_does_not_travel(maru: CommandLine) -> None:
    """The client runs in the home directory here, where its configuration is."""
    url, token = maru.variables["MARU_URL"], maru.variables["MARU_TOKEN"]
    maru("login", url, "--token", "-", input=token)
    assert (maru.home / ".config/maru/config.toml").exists()
    assert maru("run", *SMALL, "--", "find", ".", "-name", "config.toml").stdout == ""


def test_options_reach_the_job(maru: CommandLine, work: Path) -> None:
    job = queue(
        maru, "--no-code", "--name", "every-option", "--cpus", "0.25",
        "--memory", "300MiB", "--time-limit", "2h", "--retries", "2", "--param", "lr=0.1",
        "--param", "depth=3", "--experiment", "tests", "-e", "COLOUR=blue", "--",
        "sh", "-c", "echo $COLOUR", cwd=work,
    )  # fmt: skip
    assert job["name"] == "every-option"
    assert job["resources"] == {"cpu_milli": 250, "memory_mib": 300, "gpus": 0}
    assert job["time_limit_s"] == 7200
    assert job["retries"] == 2
    assert job["parameters"] == {"lr": "0.1", "depth": "3"}
    assert job["experiment"] == "tests"
    assert job["run_id"]
    assert maru.json("job", "wait", job["id"])["state"] == "succeeded"
    assert maru("logs", "every-option").stdout == "blue\n"


def test_json_lines_of_a_run(maru: CommandLine) -> None:
    result = maru("run", "--json", "--no-code", *SMALL, "--", "sh", "-c", "echo hi; exit 3", code=3)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0]["type"] == "queued"
    assert "".join(line["text"] for line in lines if line["type"] == "log") == "hi\n"
    assert lines[-1]["type"] == "end"
    assert lines[-1]["job"]["exit_code"] == 3


def test_jobs_are_listed_shown_stopped_and_retried(maru: CommandLine, project: Project) -> None:
    assert "maru run" in maru("jobs").stderr
    maru("run", "--detach", "--no-code", "--name", "sleeper", *SMALL, "--", "sleep", "600")
    identity = wait_for_job(project, "running")
    listed = maru.json("jobs")
    assert [item["id"] for item in listed["items"]] == [identity]
    assert listed["next_page_token"] is None
    assert "running" in maru("jobs").stdout
    assert maru.json("job", "show", "sleeper")["id"] == identity
    shown = maru("job", "show", identity).stdout
    assert "sleep 600" in shown
    assert "running" in maru("why", identity).stdout
    stopped = maru.json("job", "stop", identity, "--wait")
    assert stopped["state"] == "stopped"
    code = stopped["exit_code"] if stopped["exit_code"] is not None else 1
    maru("job", "wait", identity, code=code)
    again = maru("job", "retry", identity).stdout.strip()
    assert again != identity
    assert maru.json("job", "show", again)["command"] == ["sleep", "600"]
    maru("job", "stop", again, "--wait")
    assert maru.json("jobs", "--state", "active")["items"] == []
    assert len(maru.json("jobs", "--all")["items"]) == 2


def test_why_says_what_a_job_waits_for(maru: CommandLine, own_server: Server) -> None:
    maru = CommandLine(own_server, maru.home)
    cpus = str(maru.json("status")["nodes"][0]["cpu_milli"] / 1000)
    first = queue(maru, "--no-code", "--cpus", cpus, "--", "sleep", "600")
    second = queue(maru, "--no-code", "--cpus", cpus, "--", "true")
    waiting = maru.json("why", second["id"])
    assert waiting["reason"]
    assert waiting["position"] == 1
    assert waiting["reason"] in maru("why", second["id"]).stdout
    maru("job", "stop", first["id"])
    assert maru.json("job", "wait", second["id"])["state"] == "succeeded"


def test_logs_follow_to_the_end(maru: CommandLine) -> None:
    script = "import time,sys\nfor i in range(20): print(i, flush=True); time.sleep(0.05)"
    job = queue(maru, "--no-code", *SMALL, "--", "python3", "-c", script)
    followed = maru("logs", "-f", job["id"])
    assert followed.stdout.split() == [str(i) for i in range(20)]
    assert maru("logs", job["id"]).stdout == followed.stdout
    assert maru.json("logs", job["id"])["text"] == followed.stdout


def test_following_survives_a_restart_of_the_server(own_server: Server, tmp_path: Path) -> None:
    maru = CommandLine(own_server, tmp_path)
    script = "import time\nfor i in range(60): print(i, flush=True); time.sleep(0.05)"
    process = maru.start("run", "--no-code", *SMALL, "--", "python3", "-c", script)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    own_server.kill()
    own_server.start()
    rest, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert (lines[0] + rest).split() == [str(i) for i in range(60)]


def test_a_signal_stops_the_job_off_a_terminal(maru: CommandLine, project: Project) -> None:
    script = "echo started; exec sleep 600"
    process = maru.start("run", "--no-code", *SMALL, "--", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert project.get("/jobs")["items"][0]["state"] == "stopped"


@pytest.mark.parametrize(("key", "state"), [("d", "running"), ("s", "stopped")])
def test_ctrl_c_on_a_terminal_asks(
    maru: CommandLine, project: Project, key: str, state: str
) -> None:
    terminal = Terminal(
        maru, "run", "--no-code", *SMALL, "--", "sh", "-c", "echo started; exec sleep 600"
    )
    terminal.wait_for("started")
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("[d] detach")
    terminal.type(key)
    code = terminal.end()
    job = project.get("/jobs")["items"][0]
    assert job["state"] == state
    assert (code == 0) == (key == "d")
    maru("job", "stop", job["id"], "--wait")


def test_a_requirements_file_becomes_the_environment(maru: CommandLine, work: Path) -> None:
    (work / "requirements.txt").write_text("iniconfig==2.0.0\n")
    (work / "use.py").write_text("import iniconfig; print(iniconfig.__name__)")
    result = maru("run", *SMALL, "--env", "requirements.txt", "--", "python", "use.py", cwd=work)
    assert result.stdout == "iniconfig\n"


def test_an_environment_that_cannot_be_built_is_told(maru: CommandLine, work: Path) -> None:
    (work / "requirements.txt").write_text("maru-no-such-package-anywhere\n")
    result = maru("run", *SMALL, "--env", "requirements.txt", "--", "true", cwd=work, code=1)
    assert "maru-no-such-package-anywhere" in result.stderr


def test_environments(maru: CommandLine, work: Path) -> None:
    (work / "requirements.txt").write_text("iniconfig==2.0.0\n")
    created = maru.json("env", "create", "small", "requirements.txt", cwd=work)
    assert created["state"] == "ready"
    assert created["name"] == "small"
    assert "small" in maru("env", "ls").stdout
    assert "iniconfig==2.0.0" in maru("env", "show", "small").stdout
    code = "import iniconfig"
    maru("run", "--no-code", *SMALL, "--env", "small", "--", "python", "-c", code)
    missing = maru("run", "--no-code", "--env", "none-such", "--", "true", code=3)
    assert "none-such" in missing.stderr


def test_a_job_that_cannot_fit_is_refused(maru: CommandLine) -> None:
    result = maru("run", "--no-code", "--cpus", "100000", "--", "true", code=2)
    assert result.stderr.startswith("error: ")


def test_a_command_that_is_not_there_says_so(maru: CommandLine) -> None:
    result = subprocess.run(
        [BINARY, "run", "--no-code", *SMALL, "--", "no-such-program"],
        env=maru.variables, cwd=maru.home, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode != 0
    assert "no-such-program" in result.stdout + result.stderr
