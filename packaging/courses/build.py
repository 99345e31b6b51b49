"""Make the demo courses' PDFs in `resources/courses/` from the texts beside this script.

    .venv/bin/python packaging/courses/build.py [FOLDER]

The same texts give the same bytes. A text file is a few of Markdown's marks: `#` title, `@` line under it,
`##` and `###` headings, `- ` and `1. ` items, `> ` remarks, ``` code, `| ` table rows (the first is the
heading, the line after the last is the caption), `!figure NAME caption`, **bold**, *italic*, `code`.
"""

import re
import sys
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import figures
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Preformatted,
    Spacer,
    Table,
)

from lms_desktop.resources import resource

TEXTS = Path(__file__).with_name("text")
WIDTH = A4[0] - 4.4 * cm
INK, MUTED = colors.HexColor("#1b2430"), colors.HexColor("#5b6675")

pdfmetrics.registerFont(TTFont("Sans", resource("fonts", "DejaVuSans.ttf")))
pdfmetrics.registerFont(TTFont("Sans-Bold", resource("fonts", "DejaVuSans-Bold.ttf")))
pdfmetrics.registerFont(TTFont("Sans-Oblique", Path(__file__).with_name("DejaVuSans-Oblique.ttf")))
pdfmetrics.registerFontFamily(
    "Sans", normal="Sans", bold="Sans-Bold", italic="Sans-Oblique", boldItalic="Sans-Bold"
)

BODY = ParagraphStyle("body", fontName="Sans", fontSize=10, leading=15.2, spaceAfter=6, textColor=INK)
STYLES = {
    "title": ParagraphStyle("title", BODY, fontName="Sans-Bold", fontSize=20, leading=25, spaceAfter=2),
    "under": ParagraphStyle("under", BODY, textColor=MUTED, spaceAfter=14),
    "heading": ParagraphStyle(
        "heading", BODY, fontName="Sans-Bold", fontSize=13, leading=17, spaceBefore=12, keepWithNext=1
    ),
    "small heading": ParagraphStyle(
        "small heading",
        BODY,
        fontName="Sans-Bold",
        fontSize=10.5,
        spaceBefore=6,
        spaceAfter=4,
        keepWithNext=1,
    ),
    "item": ParagraphStyle("item", BODY, leftIndent=16, bulletIndent=2, bulletFontName="Sans", spaceAfter=3),
    "remark": ParagraphStyle("remark", BODY, leftIndent=14, rightIndent=14, borderPadding=6, spaceBefore=6),
    "code": ParagraphStyle("code", fontName="Courier", fontSize=9, leading=12, leftIndent=14, textColor=INK),
    "cell": ParagraphStyle("cell", BODY, fontSize=8.4, leading=11, spaceAfter=0, alignment=TA_LEFT),
    "caption": ParagraphStyle("caption", BODY, fontSize=8.2, leading=11.5, textColor=MUTED, spaceAfter=10),
}


def inline(text: str) -> str:
    """Turn bold, italic and code marks into reportlab's tags."""
    text = escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r'<font face="Courier">\1</font>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*([^*\s][^*]*)\*", r"<i>\1</i>", text)


def flowables(lines: list[str]) -> Iterator[Flowable]:
    """Yield what the lines of a text show, in order."""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("```"):
            end = lines.index("```", at)
            yield KeepTogether([Preformatted("\n".join(lines[at:end]), STYLES["code"]), Spacer(0, 8)])
            at = end + 1
        elif line.startswith("| "):
            rows = [line]
            while lines[at].startswith("| "):
                rows.append(lines[at])
                at += 1
            yield KeepTogether([table(rows), Spacer(0, 3), Paragraph(inline(lines[at]), STYLES["caption"])])
            at += 1
        elif line.startswith("!figure "):
            _, name, caption = line.split(" ", 2)
            yield KeepTogether([figures.FIGURES[name](WIDTH), Paragraph(inline(caption), STYLES["caption"])])
        elif line:
            yield paragraph(line)


def paragraph(line: str) -> Paragraph:
    marks = {"# ": "title", "@ ": "under", "## ": "heading", "### ": "small heading", "> ": "remark"}
    for mark, style in marks.items():
        if line.startswith(mark):
            return Paragraph(inline(line.removeprefix(mark)), STYLES[style])
    if item := re.match(r"(-|\d+\.) ", line):
        bullet = "•" if item[1] == "-" else item[1]
        return Paragraph(inline(line[item.end() :]), STYLES["item"], bulletText=bullet)
    return Paragraph(inline(line), BODY)


def table(rows: list[str]) -> Table:
    cells = [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows]
    longest = [max(min(len(row[column]), 34) for row in cells) + 3 for column in range(len(cells[0]))]
    widths = [WIDTH * length / sum(longest) for length in longest]
    bold = [[f"<b>{inline(cell)}</b>" for cell in cells[0]], *([inline(c) for c in row] for row in cells[1:])]
    return Table(
        [[Paragraph(cell, STYLES["cell"]) for cell in row] for row in bold],
        colWidths=widths,
        style=[
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8eef5")),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, colors.HexColor("#c9d3df")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ],
    )


def footer(under: str) -> Callable[[Canvas, BaseDocTemplate], None]:
    def draw(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont("Sans", 8)
        canvas.setFillColor(MUTED)
        canvas.drawString(2.2 * cm, 1.3 * cm, under)
        canvas.drawRightString(A4[0] - 2.2 * cm, 1.3 * cm, str(document.page))

    return draw


def build(text: Path, target: Path) -> None:
    """Write the PDF of one text file."""
    lines = text.read_text("utf-8").splitlines()
    title, under = lines[0].removeprefix("# "), lines[1].removeprefix("@ ")
    document = BaseDocTemplate(
        str(target), pagesize=A4, invariant=1, title=title, subject=under, author="LMS Desktop", lang="en"
    )
    frame = Frame(
        2.2 * cm, 2 * cm, WIDTH, A4[1] - 4 * cm, id="page", showBoundary=0, leftPadding=0, rightPadding=0
    )
    document.addPageTemplates([PageTemplate("page", [frame], onPage=footer(under))])
    document.build(list(flowables(lines)))


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for text in sorted(TEXTS.glob("*.txt")):
        build(text, folder / f"{text.stem}.pdf")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else resource("courses"))
