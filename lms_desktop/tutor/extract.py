"""The text of a PDF, page by page, read by child processes that may die of it.

PDFium reads first; what it left unread, because it failed or aborted, pypdf reads in a second child. Neither
is trusted: the parent bounds a child's time and memory and what it may send.
"""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil

from lms_desktop.children import NO_WINDOW, child_command, child_environment
from lms_desktop.tutor.pages import DOCUMENT_CHARACTERS, Extracted, Page, clean, judged
from lms_desktop.tutor.pdftext import MEMORY, PAGE_CHARACTERS, PAGES, SECONDS
from lms_desktop.tutor.textcache import TextCache

_LINE: Final = 6 * PAGE_CHARACTERS + 1024  # bytes of a page's line: JSON escapes a character in at most 6
_WAITING: Final = 64  # lines
_WATCH_S: Final = 0.1
_FINAL: Final = frozenset({"missing", "empty", "not_pdf", "encrypted"})  # another engine would say the same


def extract(path: Path, sha256: bytes, cache: TextCache) -> Extracted:
    """Read a PDF, or take its text from the cache. Blocks: at most two minutes for a hostile file."""
    extraction = Extraction(path, sha256, cache)
    while extraction.result is None:
        extraction.poll(_WATCH_S)
    return extraction.result


class Extraction:
    """The reading of one PDF, step by step: call `poll` until there is a `result`, or `close`."""

    def __init__(self, path: Path, sha256: bytes, cache: TextCache) -> None:
        self._path = path
        self._sha256 = sha256
        self._cache = cache
        self._engines = ["pypdf", "pdfium"]
        self._child: _Child | None = None
        self._pages: dict[int, Page] = {}
        self._characters = 0
        self._count = 0
        self._cut = False
        self._problem = ""
        self.result: Extracted | None = cache.get(sha256)

    def poll(self, timeout_s: float) -> None:
        """Take what has been read, waiting at most this long for something to come."""
        if self.result is not None:
            return
        if self._child is None:
            self._child = _Child(self._path, self._engines.pop(), sorted(self._pages))
        for line in self._child.lines(timeout_s):
            self._take(line)
        if self._child.over:
            self._problem = self._child.problem or self._problem
            self._child = None
            self._conclude()
        elif self._characters > DOCUMENT_CHARACTERS:
            self.close()
            self._problem = "long"
            self._finish()

    def close(self) -> None:
        """End the child, if one runs. What was read is forgotten."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _take(self, line: dict[str, Any]) -> None:
        match line:
            case {"problem": str(problem)}:
                self._problem = problem
            case {"count": int(count), "cut": bool(cut)} if count > 0:
                self._count, self._cut, self._problem = count, cut, ""
            case {"page": int(number), "text": str(text)} if 0 < number <= PAGES:
                self._pages[number] = Page(number, clean(text[:PAGE_CHARACTERS]))
                self._characters += len(text)

    def _conclude(self) -> None:
        """A child has ended: the text is whole, or another engine tries, or this is all there is."""
        whole = self._count and len(self._pages) >= min(self._count, PAGES)
        if whole:
            self._problem = "truncated" if self._cut else ""
        if whole or self._problem in _FINAL or not self._engines:
            self._finish()

    def _finish(self) -> None:
        pages = tuple(self._pages[number] for number in sorted(self._pages))
        problem = self._problem or ("" if pages else "unreadable")
        self.result = judged(pages, self._count, problem)
        if self._problem != "missing":
            self._cache.put(self._sha256, self.result)


class _Child:
    """One engine at work: `over` once it ended and all it said is given out; `problem`: why it failed."""

    def __init__(self, path: Path, engine: str, skip: list[int]) -> None:
        self.over = False
        self.problem = ""
        self._request = json.dumps({"path": os.fspath(path.absolute()), "engine": engine, "skip": skip})
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue(_WAITING)
        self._deadline = time.monotonic() + SECONDS
        self._process = subprocess.Popen(
            child_command("tutor", "extract"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            creationflags=NO_WINDOW,
        )
        self._thread = threading.Thread(target=self._listen, name="extraction", daemon=True)
        self._thread.start()

    def lines(self, timeout_s: float) -> Iterator[dict[str, Any]]:
        """Yield what it has said, waiting at most this long for it to speak; end it if it passes a limit."""
        for taken in range(_WAITING):
            try:
                line = self._said.get(timeout=0 if taken else timeout_s)
            except queue.Empty:
                break
            if line is None:
                self._reap()
                if self._process.returncode:
                    self.problem = "crashed"
                return
            yield line
        if time.monotonic() > self._deadline:
            self.problem = "time"
        elif _memory(self._process.pid) > MEMORY:
            self.problem = "memory"
        if self.problem:
            self.kill()

    def kill(self) -> None:
        """End the process now; what it said and nobody has taken is lost."""
        self._process.kill()
        while self._said.get() is not None:
            pass
        self._reap()

    def _reap(self) -> None:
        self.over = True
        self._thread.join()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._process.stdin as requests, self._process.stdout as answers:
                requests.write(self._request.encode() + b"\n")
                requests.flush()  # and it stays open: the child ends when it is closed
                for line in iter(lambda: answers.readline(_LINE), b""):
                    said = json.loads(line)
                    if not isinstance(said, dict):
                        raise ValueError("not what it should say")
                    self._said.put(said)
        except (OSError, ValueError):  # it died as it was asked, or says what we never wrote
            self._process.kill()
        finally:
            self._said.put(None)


def _memory(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
