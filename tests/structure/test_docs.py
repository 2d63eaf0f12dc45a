"""The documents: every module has its page, and no link leads nowhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES_FILE = ROOT / "build/release/modules.txt"
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
CODE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)


def documents() -> list[Path]:
    """Every Markdown file that belongs to the project: not what is built or installed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return sorted(path for line in listed.stdout.splitlines() if (path := ROOT / line).exists())
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not {"build", "node_modules", "dist"} & set(path.relative_to(ROOT).parts)
    )


def without_code(text: str) -> str:
    return INLINE_CODE.sub("", CODE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names that headings get on GitHub."""
    names = set()
    for heading in HEADING.findall(CODE.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        names.add(plain.replace(" ", "-"))
    return names


def test_every_module_has_a_page() -> None:
    if not MODULES_FILE.exists():
        pytest.fail(f"{MODULES_FILE} is missing: run `make build` first")
    folders = [line.split()[1] for line in MODULES_FILE.read_text().splitlines() if line.strip()]
    assert folders
    missing = [
        f"src/{folder}/README.md"
        for folder in folders
        if not (ROOT / "src" / folder / "README.md").exists()
    ]
    assert not missing, "a module's README.md says what it is, its tables and invariants"


def leads_somewhere(document: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (document.parent / path).resolve() if path else document
    if not file.is_relative_to(ROOT) or not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in anchors(file.read_text("utf-8"))


def test_links_lead_somewhere() -> None:
    found = documents()
    assert ROOT / "README.md" in found
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in found
        for target in LINK.findall(without_code(document.read_text("utf-8")))
        if not re.match(r"[a-z][a-z0-9+.-]*:", target) and not leads_somewhere(document, target)
    ]
    assert not broken, "\n".join(broken)
