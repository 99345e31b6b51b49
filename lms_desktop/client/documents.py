"""The PDFs that the app makes: recovery kit, slips, receipts, transcripts. Names are text, never markup."""

import io
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from lms_desktop.client.errors import DocumentFailed
from lms_desktop.resources import resource

RECEIPT_ATTACHMENT = "receipt.lms"


@dataclass(frozen=True, slots=True)
class SlipText:
    """What one invitation slip says."""

    school: str
    name: str
    login: str
    role: str
    words: str


@dataclass(frozen=True, slots=True)
class KitText:
    """What the recovery kit says: `code` is the recovery secret in groups with their checksum."""

    school: str
    school_id: str
    administrator: str
    login: str
    made: str
    code: str


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """What a receipt says to people; every value is already formatted."""

    heading: str
    short_code: str
    lines: tuple[tuple[str, str], ...]
    explanation: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One contribution to a transcript: who and when, what, the passages quoted with their places, a note."""

    heading: str
    text: str
    quotes: tuple[tuple[str, str], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation or a question with its replies, in their order; every value is already formatted."""

    heading: str
    lines: tuple[tuple[str, str], ...]
    spoken: tuple[Spoken, ...]


def slips(texts: Sequence[SlipText], *, per_page: int = 1) -> bytes:
    """Invitation slips, `per_page` (1 to 3) of them on each page, with lines to cut along between them."""
    reportlab = _Reportlab()
    story: list[Any] = []
    for number, text in enumerate(texts):
        if number and number % per_page == 0:
            story.append(reportlab.page_break())
        elif number:
            story.append(reportlab.cut_line())
        story.append(
            reportlab.together(
                reportlab.small(text.school),
                reportlab.title(text.name),
                reportlab.body(f"Your invitation to LMS Desktop ({text.role}). Your login is:"),
                reportlab.code(text.login),
                reportlab.body("On the sign-in page press “First time here?” and type these six words:"),
                reportlab.code(text.words),
                reportlab.body(
                    "The words work once. You will then get a passphrase of your own: keep it, nobody else "
                    "has it. If this slip is lost, ask for a new one: the old words then stop working."
                ),
            )
        )
    return reportlab.build(story, "Invitations")


def recovery_kit(text: KitText) -> bytes:
    """The recovery kit: one page to print twice and to keep in two safe places."""
    reportlab = _Reportlab()
    story = [
        reportlab.small("LMS Desktop"),
        reportlab.title(f"Recovery kit of {text.school}"),
        reportlab.body(
            "Print this page twice, keep both in safe places that are not the same, and delete the file. "
            "With it, an administrator can open what the staff of a course can no longer open, and appoint a "
            "substitute. Whoever has it can read the school's sealed work: treat it as a master key."
        ),
        reportlab.heading("Recovery code"),
        *(reportlab.code(line) for line in text.code.splitlines()),
        reportlab.heading("This school"),
        reportlab.table((("School", text.school), ("School id", text.school_id), ("Made", text.made))),
        reportlab.heading("Its first administrator"),
        reportlab.table((("Name", text.administrator), ("Login", text.login))),
        reportlab.body(
            "The administrator's passphrase is not on this page: it was shown once, on the screen."
        ),
    ]
    return reportlab.build(story, "Recovery kit")


def receipt(text: ReceiptText, *, machine_readable: bytes) -> bytes:
    """A receipt for people, with the machine-readable receipt attached under the name `receipt.lms`."""
    from pypdf import PdfReader, PdfWriter

    reportlab = _Reportlab()
    story = [
        reportlab.small("LMS Desktop"),
        reportlab.title(text.heading),
        reportlab.code(text.short_code),
        reportlab.table(text.lines),
        reportlab.body(text.explanation),
        reportlab.body(
            "This file carries the signed receipt. On any machine of the school, “lms-desktop verify FILE” "
            "checks it without a network."
        ),
    ]
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(reportlab.build(story, text.heading))))
    writer.add_attachment(RECEIPT_ATTACHMENT, machine_readable)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def transcript(text: Transcript) -> bytes:
    """A transcript as a PDF."""
    reportlab = _Reportlab()
    story = [reportlab.small("LMS Desktop"), reportlab.title(text.heading), reportlab.table(text.lines)]
    for spoken in text.spoken:
        story.append(reportlab.heading(spoken.heading))
        if spoken.text:
            story.append(reportlab.body(spoken.text))
        for quote, place in spoken.quotes:
            story += [reportlab.quote(f"“{quote}”"), reportlab.small(f"– {place}")]
        if spoken.note:
            story.append(reportlab.small(spoken.note))
    return reportlab.build(story, text.heading)


def transcript_text(text: Transcript) -> bytes:
    """A transcript as plain text in UTF-8, one newline a line."""
    parts = [text.heading, "\n".join(f"{label}: {value}" for label, value in text.lines)]
    for spoken in text.spoken:
        quotes = [f"  “{quote}”\n  – {place}" for quote, place in spoken.quotes]
        parts.append("\n".join(filter(None, (f"{spoken.heading}:", spoken.text, *quotes, spoken.note))))
    return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")


def write_file(destination: Path, data: bytes) -> Path:
    """Write a whole file or none: beside the destination first, then in its place. Raises DocumentFailed."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".lms-", dir=destination.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(destination)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DocumentFailed(
            f"The file could not be written: {error.strerror or error}.",
            where=str(destination),
            next_step="Choose another folder, or make room on the disk.",
        ) from error
    return destination


def safe_file_name(name: str, *, fallback: str) -> str:
    """A file name made of a name given by a person: no folders, no characters that any system refuses."""
    kept = "".join(char if char.isalnum() or char in " .-_()" else "_" for char in name).strip(" .")
    return kept[:120] or fallback


@cache
def _fonts() -> tuple[str, str]:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("DejaVu", resource("fonts", "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont("DejaVu-Bold", resource("fonts", "DejaVuSans-Bold.ttf")))
    pdfmetrics.registerFontFamily("DejaVu", normal="DejaVu", bold="DejaVu-Bold")
    return "DejaVu", "DejaVu-Bold"


class _Reportlab:
    """The few shapes that these pages are made of; reportlab is imported only when one is made."""

    def __init__(self) -> None:
        from reportlab.lib import colors
        from reportlab.lib.styles import ParagraphStyle

        regular, bold = _fonts()
        ink, muted = colors.HexColor("#1c2430"), colors.HexColor("#5a6675")
        body = ParagraphStyle(
            "body", fontName=regular, fontSize=10.5, leading=15, textColor=ink, spaceAfter=8
        )
        self._colors = colors
        self._fonts = regular, bold
        self._styles = {
            "body": body,
            "small": ParagraphStyle(
                "small", parent=body, fontSize=9, leading=12, textColor=muted, spaceAfter=2
            ),
            "quote": ParagraphStyle("quote", parent=body, leftIndent=14, spaceBefore=2, spaceAfter=2),
            "title": ParagraphStyle(
                "title", parent=body, fontName=bold, fontSize=17, leading=22, spaceAfter=10
            ),
            "heading": ParagraphStyle(
                "heading", parent=body, fontName=bold, fontSize=12, spaceBefore=8, spaceAfter=6
            ),
            "code": ParagraphStyle(
                "code",
                parent=body,
                fontName=bold,
                fontSize=13,
                leading=19,
                backColor=colors.HexColor("#eef2f7"),
                borderPadding=6,
                leftIndent=6,
                rightIndent=6,
                spaceBefore=6,
                spaceAfter=11,
            ),
        }

    def _paragraph(self, style: str, text: str) -> Any:
        from reportlab.platypus import Paragraph

        return Paragraph(escape(text).replace("\n", "<br/>"), self._styles[style])

    def body(self, text: str) -> Any:
        return self._paragraph("body", text)

    def small(self, text: str) -> Any:
        return self._paragraph("small", text)

    def quote(self, text: str) -> Any:
        return self._paragraph("quote", text)

    def title(self, text: str) -> Any:
        return self._paragraph("title", text)

    def heading(self, text: str) -> Any:
        return self._paragraph("heading", text)

    def code(self, text: str) -> Any:
        return self._paragraph("code", text)

    def table(self, rows: Sequence[tuple[str, str]]) -> Any:
        from reportlab.lib.units import mm
        from reportlab.platypus import Table, TableStyle

        cells = [[self.small(label), self.body(value)] for label, value in rows]
        table = Table(cells, colWidths=[38 * mm, 122 * mm], hAlign="LEFT", spaceAfter=8)
        table.setStyle(
            TableStyle(
                [
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LINEBELOW", (0, 0), (-1, -1), 0.4, self._colors.HexColor("#d5dce5")),
                    ("LEFTPADDING", (0, 0), (0, -1), 0),
                ]
            )
        )
        return table

    def together(self, *parts: Any) -> Any:
        from reportlab.platypus import KeepTogether

        return KeepTogether(list(parts))

    def page_break(self) -> Any:
        from reportlab.platypus import PageBreak

        return PageBreak()

    def cut_line(self) -> Any:
        from reportlab.platypus import HRFlowable

        return HRFlowable(
            width="100%", dash=(3, 3), color=self._colors.HexColor("#8a94a3"), spaceBefore=4, spaceAfter=10
        )

    def build(self, story: list[Any], title: str) -> bytes:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.units import mm
        from reportlab.platypus import SimpleDocTemplate

        output = io.BytesIO()
        SimpleDocTemplate(
            output,
            pagesize=A4,
            title=title,
            author="LMS Desktop",
            leftMargin=25 * mm,
            rightMargin=25 * mm,
            topMargin=18 * mm,
            bottomMargin=16 * mm,
        ).build(story)
        return output.getvalue()
