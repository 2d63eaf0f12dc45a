"""docs/cli.md is what `maru help --markdown` prints; MARU_UPDATE_GOLDEN=1 rewrites it."""

import os
import subprocess

import pytest
from maru_server import BINARY, ROOT


def maru(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINARY, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_manual_is_up_to_date() -> None:
    printed = maru("help", "--markdown")
    assert printed.returncode == 0, printed.stderr
    manual = ROOT / "docs/cli.md"
    if os.environ.get("MARU_UPDATE_GOLDEN"):
        manual.parent.mkdir(exist_ok=True)
        manual.write_text(printed.stdout)
    assert printed.stdout == manual.read_text(), (
        "docs/cli.md differs from the binary: maru help --markdown > docs/cli.md"
    )


def test_every_command_of_the_overview_has_a_help_page() -> None:
    overview = maru("help").stdout
    lines = [line.split() for line in overview.splitlines() if line.startswith("  ")]
    assert len(lines) > 15
    for name, *_ in lines:
        if name == "server":
            continue
        page = maru("help", name)
        assert page.returncode == 0, page.stderr
        assert f"maru {name}" in page.stdout


@pytest.mark.parametrize(
    ("line", "index", "expected"),
    [
        ("maru jo", 1, {"jobs", "job"}),
        ("maru job s", 2, {"show", "stop"}),
        ("maru job show --js", 3, {"--json"}),
        ("maru run --time", 2, {"--time-limit"}),
        ("maru run --no-code --det", 3, {"--detach"}),
        ("maru completion f", 2, {"fish"}),
    ],
)
def test_bash_completes(line: str, index: int, expected: set[str]) -> None:
    words = " ".join(f"'{word}'" for word in line.split())
    script = (
        f"source <({BINARY} completion bash); COMP_WORDS=({words}); COMP_CWORD={index}; _maru; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    result = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert set(result.stdout.split()) == expected
