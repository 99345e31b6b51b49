"""Fetching a model from a server that cuts the line, starts anew, lies or refuses, on loopback."""

import errno
import hashlib
import re
import shutil
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

import pytest

from lms_desktop.tutor import download, models
from lms_desktop.tutor.download import GPT2, PinnedFile, Published, get
from lms_desktop.tutor.weights import ModelError
from tests.tutor.model_folders import write_model, write_safetensors


class Mirror(ThreadingHTTPServer):
    """Serves a folder. `cut` bytes into an answer the connection ends, so many `times`."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.ranges = True
        self.cut = 0
        self.times = 0
        self.status = 200
        self.location = ""
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/models"


class Handler(BaseHTTPRequestHandler):
    server: Mirror
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        mirror, name = self.server, self.path.rsplit("/", 1)[1]
        wanted = self.headers.get("Range", "")
        mirror.asked.append((name, wanted))
        if mirror.status != 200:
            self.send_error(mirror.status)
            return
        if mirror.location and name.endswith(".safetensors") and not self.path.startswith("/storage"):
            self.send_response(302)
            self.send_header("Location", mirror.location + "/" + name)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = (mirror.folder / name).read_bytes()
        begin = 0
        if wanted and mirror.ranges:
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert found is not None
            begin = int(found[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        rest = body[begin:]
        if mirror.times and len(rest) > mirror.cut:
            mirror.times -= 1
            self.wfile.write(rest[: mirror.cut])
            self.close_connection = True
            return
        self.wfile.write(rest)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    folder = write_model(tmp_path / "served")
    write_safetensors(folder / "model.safetensors", {"wte.weight": (4096, 64)})
    server = Mirror(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def published(mirror: Mirror) -> Published:
    """What the mirror serves, pinned as it is now."""
    files = []
    for path in sorted(mirror.folder.iterdir()):
        raw = path.read_bytes()
        files.append(PinnedFile(path.name, len(raw), hashlib.sha256(raw).hexdigest()))
    return Published("small", "school/small", "0" * 40, tuple(files))


def no_pause(_seconds: float) -> None:
    """Between attempts."""


def test_a_model_is_fetched_verified_and_used(mirror: Mirror, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    model, tutor = published(mirror), tmp_path / "tutor"
    facts = get(model, tutor, address=mirror.address, progress=lambda *both: seen.append(both))
    assert models.active(tutor) == tutor / "models" / "small"
    assert facts.name == "small"
    assert seen[-1] == (model.size, model.size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_after_a_cut_it_goes_on_where_it_was(mirror: Mirror, tmp_path: Path) -> None:
    mirror.cut, mirror.times = 300_000, 3
    get(published(mirror), tmp_path / "tutor", address=mirror.address, pause=no_pause)
    asked = [wanted for name, wanted in mirror.asked if name == "model.safetensors"]
    assert asked[0] == ""
    assert [int(wanted[6:-1]) for wanted in asked[1:]] == [300_000, 600_000, 900_000]


def test_what_had_come_before_the_command_was_stopped_is_not_fetched_again(
    mirror: Mirror, tmp_path: Path
) -> None:
    model, tutor = published(mirror), tmp_path / "tutor"
    mirror.cut, mirror.times = 0, 10**6
    with pytest.raises(ModelError, match="run this again"):
        get(model, tutor, address=mirror.address, pause=no_pause)
    place = models.staging(tutor, "small")
    whole = (mirror.folder / "model.safetensors").read_bytes()
    (place / "model.safetensors").write_bytes(whole[:77_777])
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(mirror.folder / name, place / name)
    mirror.times, mirror.asked = 0, []
    get(model, tutor, address=mirror.address)
    assert mirror.asked == [("model.safetensors", "bytes=77777-")]


def test_a_server_without_ranges_starts_anew(mirror: Mirror, tmp_path: Path) -> None:
    mirror.ranges, mirror.cut, mirror.times = False, 500_000, 1
    facts = get(published(mirror), tmp_path / "tutor", address=mirror.address, pause=no_pause)
    assert facts.parameters == 4096 * 64


def test_a_file_that_is_not_what_was_published_is_deleted(mirror: Mirror, tmp_path: Path) -> None:
    model, tutor = published(mirror), tmp_path / "tutor"
    path = mirror.folder / "model.safetensors"
    right = path.read_bytes()
    path.write_bytes(right[:-1] + b"\x01")
    with pytest.raises(ModelError, match="not the file that was published"):
        get(model, tutor, address=mirror.address)
    assert models.active(tutor) is None
    path.write_bytes(right)
    get(model, tutor, address=mirror.address)
    assert models.active(tutor) is not None


def test_a_file_longer_than_published_is_not_taken(mirror: Mirror, tmp_path: Path) -> None:
    model = published(mirror)
    with (mirror.folder / "model.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(ModelError, match="longer"):
        get(model, tmp_path / "tutor", address=mirror.address)


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, download.TRIES)])
def test_a_refusal_is_told_at_once_and_a_busy_server_is_asked_again(
    mirror: Mirror, tmp_path: Path, status: int, attempts: int
) -> None:
    mirror.status = status
    with pytest.raises(ModelError, match=str(status)):
        get(published(mirror), tmp_path / "tutor", address=mirror.address, pause=no_pause)
    assert len(mirror.asked) == attempts


def test_a_redirect_to_storage_keeps_the_range(mirror: Mirror, tmp_path: Path) -> None:
    mirror.location = mirror.address.replace("/models", "/storage")
    mirror.cut, mirror.times = 1_000, 1
    get(published(mirror), tmp_path / "tutor", address=mirror.address, pause=no_pause)
    assert models.active(tmp_path / "tutor") is not None


def test_a_redirect_away_from_encryption_is_refused() -> None:
    request = urllib.request.Request("https://huggingface.co/x")
    with pytest.raises(ModelError, match="without encryption"):
        download._SameScheme().redirect_request(request, None, 302, "", {}, "http://elsewhere/x")


def test_no_server_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be fetched"):
        get(GPT2, tmp_path / "tutor", address="http://127.0.0.1:1", pause=no_pause)
    with pytest.raises(ModelError, match="web address"):
        get(GPT2, tmp_path / "tutor", address="file:///etc")


def test_a_disk_without_room_is_told_before(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SPARE_DISK", shutil.disk_usage(tmp_path).free)
    with pytest.raises(ModelError, match="Make room"):
        get(published(mirror), tmp_path / "tutor", address=mirror.address)
    assert mirror.asked == []


def test_a_disk_that_fills_up_keeps_what_has_come(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tutor = published(mirror), tmp_path / "tutor"
    copy = download._Transfer._copy

    def full(self: Any, answer: Any, kept: IO[bytes], done: int, progress: Any) -> None:
        if self.file.name == "model.safetensors":
            kept.write(answer.read(100_000))
            raise OSError(errno.ENOSPC, "No space left on device")
        copy(self, answer, kept, done, progress)

    with monkeypatch.context() as patch:
        patch.setattr(download._Transfer, "_copy", full)
        with pytest.raises(ModelError, match="disk is full"):
            get(model, tutor, address=mirror.address)
    mirror.asked.clear()
    get(model, tutor, address=mirror.address)
    assert ("model.safetensors", "bytes=100000-") in mirror.asked
    assert "config.json" not in dict(mirror.asked)


def test_gpt2_is_pinned_whole() -> None:
    assert {file.name for file in GPT2.files} >= {"config.json", "tokenizer.json", "model.safetensors"}
    assert all(len(file.sha256) == 64 and file.size > 0 for file in GPT2.files)
    assert GPT2.address == (
        "https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e"
    )
