"""The rules of the house that import-linter's contracts (pyproject.toml) cannot state."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lms_desktop"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 500

QT = {"views/", "app.py"}
MODELS = {"tutor/"}
ONLY_IMPORTED_BY = {
    "PySide6": QT,
    "shiboken6": QT,
    "qasync": QT,
    "torch": MODELS,
    "transformers": MODELS,
    "sentence_transformers": MODELS,
    "nacl": {"trust/primitives.py"},
}
# Whose results must depend on nothing but what they are handed.
PURE = {
    "node/raft/": {"asyncio", "os", "random", "secrets", "socket", "sqlite3", "threading", "time", "zmq"},
    "school/": {"asyncio", "random", "secrets", "socket", "time", "zmq"},
    "school/rules/": {"datetime", "locale", "unicodedata", "zoneinfo"},
}
NOT_EVERYWHERE = ("fcntl", "grp", "pwd", "resource", "termios", "msvcrt", "winreg")

IMPORT_ALL_WITHOUT = """
import builtins, importlib, pkgutil, sys
import lms_desktop
real, missing = builtins.__import__, set(sys.argv[1:])
def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    ours = (globals or {}).get("__name__", "").startswith("lms_desktop")
    if ours and level == 0 and name.partition(".")[0] in missing:
        raise ImportError(f"no {name} on this system")
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = guarded
for module in pkgutil.walk_packages(lms_desktop.__path__, "lms_desktop."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
"""


def path_in_package(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imported_by(module: Path) -> Iterator[str]:
    """Yield the full names that `module` imports anywhere, in functions too."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=path_in_package)
def test_module_is_short_and_imports_only_what_its_place_allows(module: Path) -> None:
    path = path_in_package(module)
    lines = len(module.read_text("utf-8").splitlines())
    assert lines <= LONGEST_MODULE
    for name in imported_by(module):
        package = name.partition(".")[0]
        allowed = ONLY_IMPORTED_BY.get(package, {path})
        assert any(path.startswith(place) for place in allowed), f"{path} imports {name}"
        for place, impure in PURE.items():
            assert not (path.startswith(place) and package in impure), f"{path} imports {name}"
        if path.startswith("node/raft/") and package == "lms_desktop":
            assert name.startswith("lms_desktop.node.raft"), f"{path} imports {name}"


def test_everything_imports_where_posix_or_windows_modules_are_missing() -> None:
    command = [sys.executable, "-c", IMPORT_ALL_WITHOUT, *NOT_EVERYWHERE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_no_package_shadows_the_packaging_library() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()


def test_pyside_that_aborts_on_python_3_11_is_refused() -> None:
    """PYSIDE-3474: PySide6 6.12 before Python 3.12 loses references to True and None, and aborts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = [Requirement(text) for text in project["dependencies"]]
    on_3_11 = [
        need
        for need in needs
        if need.name == "PySide6" and (not need.marker or need.marker.evaluate({"python_version": "3.11"}))
    ]
    assert on_3_11, "PySide6 is required on Python 3.11"
    assert all(Version("6.12.0") not in need.specifier for need in on_3_11)
    assert all(Version("6.11.3") in need.specifier for need in on_3_11)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="PYSIDE-3474 is of Python before 3.12")
def test_the_installed_pyside_does_not_abort_on_this_python() -> None:
    import PySide6

    assert PySide6.__version_info__[:2] < (6, 12)
