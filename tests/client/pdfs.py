"""Real PDFs for tests, sound and spoilt."""

import io
import random
from pathlib import Path

from pypdf import PdfReader, PdfWriter

from lms_desktop.resources import resource


def sample(folder: Path, name: str = "work.pdf") -> Path:
    """A sound PDF."""
    path = folder / name
    path.write_bytes(resource("courses", "sample-halving-1.pdf").read_bytes())
    return path


def unlike_any_other(folder: Path, name: str, seed: int) -> Path:
    """A PDF that shares no bytes but its first with others: a blank page and something random attached."""
    writer = PdfWriter()
    writer.add_blank_page(595, 842)
    writer.add_attachment("data.bin", random.Random(seed).randbytes(300_000))
    return _written(writer, folder / name)


def encrypted(folder: Path) -> Path:
    """A PDF that asks for a password."""
    writer = PdfWriter(clone_from=PdfReader(sample(folder)))
    writer.encrypt("secret", algorithm="AES-256")
    return _written(writer, folder / "encrypted.pdf")


def locked_for_printing(folder: Path) -> Path:
    """A PDF that opens without a password, though it is encrypted."""
    writer = PdfWriter(clone_from=PdfReader(sample(folder)))
    writer.encrypt("", "owner", algorithm="AES-256")
    return _written(writer, folder / "locked.pdf")


def truncated(folder: Path) -> Path:
    """A PDF of which only the first half was copied."""
    data = sample(folder).read_bytes()
    path = folder / "truncated.pdf"
    path.write_bytes(data[: len(data) // 2])
    return path


def without_pages(folder: Path) -> Path:
    """A PDF whose page tree is empty."""
    return _written(PdfWriter(), folder / "no-pages.pdf")


def _written(writer: PdfWriter, path: Path) -> Path:
    output = io.BytesIO()
    writer.write(output)
    path.write_bytes(output.getvalue())
    return path
