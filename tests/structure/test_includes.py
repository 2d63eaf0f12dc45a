"""The modules' borders: what src/ includes against what CMake declares."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
MODULES_FILE = ROOT / "build/release/modules.txt"
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)

# Asio and Beast cost seconds a file: only the network and the data plane of serving see them.
ASIO_FOLDERS = ("net", "serving/inference")
# The composition root and the entry point know every module, and are libraries of nobody.
OUTSIDE_MODULES = ("main.cpp",)


@cache
def modules() -> dict[str, tuple[str, frozenset[str]]]:
    """Each module's folder and the modules that it declares."""
    if not MODULES_FILE.exists():
        pytest.fail(f"{MODULES_FILE} is missing: run `make build` first")
    lines = [line.split() for line in MODULES_FILE.read_text().splitlines() if line.strip()]
    return {name: (folder, frozenset(deps)) for name, folder, *deps in lines}


@cache
def visible_from(name: str) -> frozenset[str]:
    """The module and all that it depends on, directly or not."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo += modules()[current][1]
    return frozenset(seen)


def module_of(path: str) -> str | None:
    """The module with the deepest folder that holds a path below src/."""
    found = [
        (folder, name)
        for name, (folder, _) in modules().items()
        if path.startswith(f"{folder}/") or path == folder
    ]
    return max(found)[1] if found else None


def source_files() -> list[Path]:
    return sorted(p for p in SOURCE.rglob("*") if p.suffix in {".cpp", ".hpp"})


def includes(path: Path) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name in INCLUDE.findall(path.read_text(encoding="utf-8"))]


def test_every_file_belongs_to_a_module() -> None:
    stray = [
        path
        for path in (str(p.relative_to(SOURCE)) for p in source_files())
        if module_of(path) is None and path not in OUTSIDE_MODULES
    ]
    assert not stray, "no maru_module() covers these files"


def test_dependencies_have_no_cycle() -> None:
    for name, (_, dependencies) in modules().items():
        for dependency in dependencies:
            assert dependency in modules(), f"{name} depends on {dependency}, which is no module"
            assert name not in visible_from(dependency), f"{name} and {dependency} are in a cycle"


def test_includes_are_declared() -> None:
    stray = []
    for path in source_files():
        relative = str(path.relative_to(SOURCE))
        module = module_of(relative)
        if module is None:
            continue
        for kind, name in includes(path):
            if kind != '"':
                continue
            target = module_of(name)
            # Test programs may use the test dependencies, which modules.txt does not list.
            if target is None or (relative.endswith("_test.cpp") and target.startswith("compute")):
                continue
            if target not in visible_from(module):
                stray.append(
                    f"src/{relative} includes {name}, but {module} does not depend on {target}"
                )
    assert not stray, "\n".join(stray)


def test_own_headers_exist() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in source_files()
        for kind, name in includes(path)
        if kind == '"' and "/" in name and module_of(name) and not (SOURCE / name).exists()
    ]
    # Headers that the build generates have their folder below build/.
    generated = {
        str(p.relative_to(p.parents[1])) for p in MODULES_FILE.parent.glob("generated/*/*.hpp")
    }
    missing = [line for line in missing if line.split(": ")[1] not in generated]
    assert not missing, "\n".join(missing)


def test_asio_stays_in_the_network() -> None:
    stray = [
        f"{path.relative_to(ROOT)}: <{name}>"
        for path in source_files()
        for _, name in includes(path)
        if re.match(r"boost/(asio|beast)[./]", name)
        and not str(path.relative_to(SOURCE)).startswith(ASIO_FOLDERS)
    ]
    assert not stray, "Asio and Beast are included outside " + ", ".join(ASIO_FOLDERS)


def test_boost_json_stays_out_of_headers() -> None:
    stray = [
        f"{path.relative_to(ROOT)}: <{name}>"
        for path in source_files()
        for _, name in includes(path)
        if path.suffix == ".hpp" and re.match(r"boost/json[./]", name)
    ]
    assert not stray, "Boost.JSON costs seconds a file: keep it in .cpp files"
