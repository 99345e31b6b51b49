"""Fetching a published model to this machine: only when an administrator says so, byte for byte what was
pinned.

Files come from huggingface.co at a pinned revision, or from a school's own mirror. What has come stays when a
transfer breaks, and the next one goes on from there (RFC 9110, section 14: range requests).
"""

import errno
import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from lms_desktop.tutor import models
from lms_desktop.tutor.models import ModelFacts, Progress
from lms_desktop.tutor.weights import ModelError

HUB: Final = "https://huggingface.co"
TIMEOUT_S: Final = 30.0
TRIES: Final = 5  # of one file without a byte between them
_PAUSE_S: Final = 1.0
_PIECE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """A file as it was published; `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Published:
    """A model as it was published at one revision."""

    name: str
    repository: str
    revision: str
    files: tuple[PinnedFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def address(self) -> str:
        """Where its files lie."""
        return f"{HUB}/{self.repository}/resolve/{self.revision}"


GPT2: Final = Published(
    "gpt2",
    "openai-community/gpt2",
    "607a30d783dfa663caf39e06633721c8d4cfcd7e",
    (
        PinnedFile("config.json", 665, "0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4"),
        PinnedFile(
            "generation_config.json", 124, "ed0b32ac72c0f5f44a719abb2d7786ea5146c871f83717b7f2018065954de02b"
        ),
        PinnedFile("merges.txt", 456_318, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
        PinnedFile(
            "tokenizer.json", 1_355_256, "8414cab924d8b9b33013f0d221c5862f365ee9be39c5c2bfae8a5a9e970478a6"
        ),
        PinnedFile(
            "tokenizer_config.json", 26, "5e04eb606e3a1583530a42e36c2a6b6615c86f34fe77e44d9ddeb43ff940931f"
        ),
        PinnedFile(
            "vocab.json", 1_042_301, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"
        ),
        PinnedFile(
            "model.safetensors",
            548_105_171,
            "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        ),
    ),
)
"""GPT-2 small, 124 million parameters (Radford et al. 2019; MIT licence)."""
PUBLISHED: Final = {each.name: each for each in (GPT2,)}


def get(
    published: Published,
    tutor_dir: Path,
    *,
    address: str = "",
    progress: Progress | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> ModelFacts:
    """Fetch a model, verify every file, check it and make it the active one.

    `address`: the mirror's folder of the same files instead of the hub. Raises ModelError: not reachable, a
    file is not what was published, the disk is full; what has come is kept for the next attempt.
    """
    base = (address or published.address).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise ModelError(f"{base} is no web address. It begins with https:// or http://.")
    folder = models.staging(tutor_dir, published.name)
    missing = published.size - sum(_size(folder / file.name) for file in published.files)
    models.check_disk(folder, published.name, missing)
    done = 0
    for file in published.files:
        transfer = _Transfer(f"{base}/{file.name}", file, folder / file.name, pause)
        transfer.run(None if progress is None else _from(progress, done, published.size))
        done += file.size
    return models.adopt(folder, published.name, tutor_dir)


def _from(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda here: progress(done + here, total)


@dataclass(frozen=True, slots=True)
class _Transfer:
    """One file's way here."""

    url: str
    file: PinnedFile
    place: Path
    pause: Callable[[float], None]

    def run(self, progress: Callable[[int], None] | None) -> None:
        failures = 0
        while (there := _size(self.place)) < self.file.size:
            try:
                self._receive(there, progress)
            except ModelError:
                raise
            except (OSError, http.client.HTTPException) as error:
                if getattr(error, "errno", None) == errno.ENOSPC:
                    raise ModelError(
                        f"The disk is full at {self.place}. Make room and run this again: it goes on there."
                    ) from error
                failures = 1 if _size(self.place) > there else failures + 1
                if failures == TRIES or _is_final(error):
                    raise ModelError(
                        f"{self.url} could not be fetched: {_words(error)}. What has come is kept: "
                        "check the connection and run this again."
                    ) from error
                self.pause(_PAUSE_S * 2 ** (failures - 1))
        with self.place.open("rb") as kept:
            found = hashlib.file_digest(kept, "sha256").hexdigest()
        if found != self.file.sha256 or _size(self.place) != self.file.size:
            self.place.unlink()
            raise ModelError(
                f"{self.url} is not the file that was published: its SHA-256 is {found}. It was deleted; "
                "run this again, and ask who runs the mirror if it stays so."
            )

    def _receive(self, there: int, progress: Callable[[int], None] | None) -> None:
        """Take what the server still has to give. It may answer a request for the rest with the whole."""
        headers = {"User-Agent": "lms-desktop", "Accept-Encoding": "identity"}
        if there:
            headers["Range"] = f"bytes={there}-"
        request = urllib.request.Request(self.url, headers=headers)
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            goes_on = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
                f"bytes {there}-"
            )
            if there and answer.status == 206 and not goes_on:
                raise ModelError(f"{self.url} answers with another part of the file than it was asked for.")
            with self.place.open("ab" if goes_on else "wb") as kept:
                self._copy(answer, kept, there if goes_on else 0, progress)

    def _copy(self, answer: Any, kept: IO[bytes], done: int, progress: Callable[[int], None] | None) -> None:
        while piece := answer.read(_PIECE):
            done += len(piece)
            if done > self.file.size:
                raise ModelError(
                    f"{self.url} is longer than the file that was published. Nothing of it is used."
                )
            kept.write(piece)
            if progress is not None:
                progress(done)
        if done < self.file.size:
            raise ConnectionError("the connection ended early")


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """The hub redirects to its storage; never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.full_url.startswith("https://") and not newurl.startswith("https://"):
            raise ModelError(f"{req.full_url} leads to an address without encryption. Nothing was fetched.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER: Final = urllib.request.build_opener(_SameScheme)


def _is_final(error: Exception) -> bool:
    """Whether trying again is of no use: the server refuses."""
    return isinstance(error, urllib.error.HTTPError) and error.code < 500 and error.code != 429


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    status = f"status {error.code}, " if isinstance(error, urllib.error.HTTPError) else ""
    return f"{status}{reason}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def discard(tutor_dir: Path, name: str) -> None:
    """Forget what has come of a model that was not fetched to its end."""
    shutil.rmtree(models.staging(tutor_dir, name), ignore_errors=True)
