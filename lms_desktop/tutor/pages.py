"""What was read of a document: its pages' text, and in words what could not be read."""

import re
from dataclasses import dataclass
from typing import Final

from lms_desktop.tutor.pdftext import PAGES

DOCUMENT_CHARACTERS: Final = 20_000_000
SCANNED_BELOW: Final = 20  # characters a page, on average

_WORDS: Final = {
    "missing": "The file cannot be read on this machine.",
    "empty": "The file is empty. Publish it again.",
    "not_pdf": "The file is not a PDF. Publish a PDF.",
    "truncated": "The PDF is cut off: its end is missing. Save it again and publish that.",
    "encrypted": "The PDF is protected with a password, so the tutor cannot read it. "
    "Publish a copy without one.",
    "damaged": "The PDF is damaged. Save or print it as PDF again and publish that.",
    "no_pages": "The PDF has no pages.",
    "time": "Reading the PDF took too long and was stopped. Print it to a new PDF and publish that.",
    "memory": "Reading the PDF took too much memory and was stopped. Print it to a new PDF and publish that.",
    "crashed": "Two PDF readers failed on the PDF. Print it to a new PDF and publish that.",
    "unreadable": "No page of the PDF can be read. Print it to a new PDF and publish that.",
    "long": f"The PDF has more than {DOCUMENT_CHARACTERS // 1_000_000} million characters: "
    "the rest is not read.",
    "scanned": "This is a scan: its pages are pictures without text, so the tutor cannot read them. "
    "Publish a version with text, for example after text recognition (OCR).",
}

# Controls but white space, lone surrogates, noncharacters, and format characters (among them those that turn
# the direction of what follows) but the two joiners that Persian, Arabic and Indic scripts are spelt with.
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)


def clean(text: str) -> str:
    """Return the text with line ends made "\\n", without what is no text and could mislead on a screen."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True, slots=True)
class Page:
    """A page's clean text, lines kept; pages count from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """What could be read. The file has `count` pages (0: it does not open); `problem` is a code or empty."""

    pages: tuple[Page, ...]
    count: int
    problem: str

    @property
    def words(self) -> str:
        """What could not be read and why, for the course's staff; empty where all is well."""
        reason = _WORDS.get(self.problem, "")
        unread = min(self.count, PAGES) - len(self.pages)
        if not self.pages or not unread or self.problem == "long":
            words = reason
        else:
            words = f"{unread:,} of the PDF's {self.count:,} pages cannot be read. {reason}".rstrip()
        if self.count > PAGES:
            words = f"Only the first {PAGES:,} of the PDF's {self.count:,} pages are read. {words}".rstrip()
        return words


def judged(pages: tuple[Page, ...], count: int, problem: str) -> Extracted:
    """Return what was read, calling it a scan where its pages have next to no text."""
    characters = sum(len(page.text.strip()) for page in pages)
    if pages and not problem and characters < SCANNED_BELOW * len(pages):
        problem = "scanned"
    return Extracted(pages, count, problem)
