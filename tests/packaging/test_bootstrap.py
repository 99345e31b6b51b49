"""The bootstrap script sets a source folder up, once, and says in plain words what keeps it from that."""

import ast
import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging" / "bootstrap.py"

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "lms-desktop"
version = "0"
dependencies = [{dependencies}]
"""
# The smallest build backend that can install a folder, so that the test needs no package index.
BACKEND = """
import pathlib, zipfile
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "lms_desktop-0-py3-none-any.whl"
    text = pathlib.Path("pyproject.toml").read_text()
    needs = "Requires-Dist: msgpack\\n" if "msgpack" in text else ""
    info = "lms_desktop-0.dist-info/"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        wheel.writestr("lms_desktop.pth", str(pathlib.Path.cwd()))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: lms-desktop\\nVersion: 0\\n" + needs)
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
"""
MAIN = "import os, sys; print('ran', sys.argv[1:], 'in', os.getcwd()); sys.exit(7)"


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project of its own with the script in it, set up once."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "packaging/bootstrap.py": SCRIPT.read_text("utf-8"),
        "packaging/constraints.txt": "# none\n",
        "pyproject.toml": PROJECT.format(dependencies=""),
        "backend.py": BACKEND,
        "lms_desktop/__init__.py": "",
        "lms_desktop/__main__.py": MAIN,
    }.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    first = run(folder, "demo", "--headless", "--json", "out.json")
    assert "Installing" in first.stdout, first.stderr
    assert "ran ['demo', '--headless', '--json', 'out.json']" in first.stdout, first.stderr
    assert first.returncode == 7
    return folder


@pytest.fixture
def project(prepared: Path) -> Iterator[Path]:
    """The prepared project; what a test changes in its pyproject.toml is put back."""
    yield prepared
    (prepared / "pyproject.toml").write_text(PROJECT.format(dependencies=""), "utf-8")


def run(folder: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
        "PIP_CONFIG_FILE": os.devnull,
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")} | nowhere
    command = [sys.executable, str(folder / "packaging" / "bootstrap.py"), *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=100)


def test_an_older_python_gets_as_far_as_the_message_about_its_version() -> None:
    ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_the_tested_pythons_are_taken(bootstrap: ModuleType, version: tuple[int, int]) -> None:
    bootstrap.check_python(version, "python3", lambda name: None)


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_refused_naming_one_that_would_do(
    bootstrap: ModuleType, version: tuple[int, int]
) -> None:
    with pytest.raises(
        bootstrap.SetupError, match=r"needs Python 3\.11 to 3\.13.*Run this with python3\.12\."
    ):
        bootstrap.check_python(version, "python3", lambda name: name if name == "python3.12" else None)
    with pytest.raises(bootstrap.SetupError, match="Install one of them"):
        bootstrap.check_python(version, "python3", lambda name: None)


def test_too_little_disk_is_refused_with_both_figures(bootstrap: ModuleType, tmp_path: Path) -> None:
    bootstrap.check_folder(tmp_path, 1_000_000_000, 1_000_000_000)
    with pytest.raises(bootstrap.SetupError, match="400 MB free on its disk; 1000 MB are needed"):
        bootstrap.check_folder(tmp_path, 1_000_000_000, 400_000_000)


def test_a_folder_that_cannot_be_written_is_refused(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(bootstrap.SetupError, match="cannot be written"):
        bootstrap.check_folder(tmp_path, 0, 1)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written"), (errno.EACCES, "own")],
)
def test_what_the_system_says_while_installing_is_put_in_plain_words(
    bootstrap: ModuleType, code: int, meaning: str
) -> None:
    said = f"ERROR: Could not install packages due to an OSError: [Errno {code}] {os.strerror(code)}"
    assert meaning in bootstrap.explain(said)


def test_a_second_run_starts_at_once_and_arguments_and_exit_status_pass_through(
    project: Path, tmp_path: Path
) -> None:
    again = run(project, "demo", "--keep", "here", cwd=tmp_path)
    assert again.stdout == f"ran ['demo', '--keep', 'here'] in {tmp_path.resolve()}\n"
    assert again.returncode == 7


def test_new_requirements_are_installed_and_no_network_is_told_in_plain_words(project: Path) -> None:
    (project / "pyproject.toml").write_text(PROJECT.format(dependencies='"msgpack"'), "utf-8")
    refused = run(project, "demo")
    assert refused.returncode == 2
    assert "package index cannot be reached" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "ran" not in refused.stdout
    assert "msgpack" in Path(refused.stderr.split()[-1]).read_text("utf-8"), "all that pip said is kept"
