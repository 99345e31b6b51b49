"""Real PDFs for the tutor's tests: with text, without, spoilt, and hostile."""

import io
import random
import zlib
from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from lms_desktop.resources import resource

_WORDS = (
    "water stone river bridge light engine field market letter window garden animal energy pressure "
    "temperature number value function table list tree node path cost memory program language record "
    "student teacher question answer example result method measure average surface volume weight "
    "force motion circle angle reaction acid metal oxygen carbon cell plant seed forest climate "
    "history empire treaty factory worker wage machine cotton coal iron railway trade price demand "
    "supply bank money law court right citizen parliament treatment patient the the the the of of of "
    "and and in in to to a a is is that which with from between under over because when carries holds "
    "changes grows falls measures compares explains shows moves joins divides builds begins ends slow "
    "fast small large early late hard soft common rare old new strong weak open closed first second "
    "third "
)


def with_text(path: Path, pages: Sequence[Sequence[str]], *, size: float = 11) -> Path:
    """One page for each sequence of lines."""
    pdfmetrics.registerFont(TTFont("DejaVu", resource("fonts", "DejaVuSans.ttf")))
    canvas = Canvas(str(path), A4)
    for lines in pages:
        text = canvas.beginText(72, 780)
        text.setFont("DejaVu", size, 1.25 * size)
        for line in lines:
            text.textLine(line)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return path


def rich(path: Path, pages: int, *, words: int = 300, seed: int = 1) -> Path:
    """Pages of prose without sense, in sentences of 8 to 25 words; a heading on each."""
    source = random.Random(seed)
    return with_text(path, [_prose(source, _WORDS.split(), words) for _ in range(pages)], size=9)


def _prose(source: random.Random, vocabulary: list[str], words: int) -> list[str]:
    lines = ["The " + " ".join(source.sample(vocabulary, 3))]
    text: list[str] = []
    while len(text) < words:
        sentence = source.choices(vocabulary, k=source.randint(8, 25))
        text += [sentence[0].capitalize(), *sentence[1:-1], sentence[-1] + "."]
    for start in range(0, len(text), 14):
        lines.append(" ".join(text[start : start + 14]))
    return lines


def encrypted(path: Path, *, password: str) -> Path:
    """A PDF whose user needs this password; an empty one opens for reading to all."""
    writer = PdfWriter(clone_from=PdfReader(with_text(path, [["Sealed words on a page that all may read."]])))
    writer.encrypt(password, "the owner's", algorithm="AES-256")
    return _written(writer, path)


def without_pages(path: Path) -> Path:
    return _written(PdfWriter(), path)


def scanned(path: Path, pages: int) -> Path:
    """Pages that are pictures."""
    canvas = Canvas(str(path), A4)
    for _ in range(pages):
        canvas.rect(72, 72, 300, 500, fill=1)
        canvas.showPage()
    canvas.save()
    return path


def many_pages(path: Path, pages: int) -> Path:
    """So many pages that share one content."""
    content = _object(4, stream(b"BT /F1 12 Tf 72 700 Td (The same words on every page.) Tj ET"))
    kids = b" ".join(b"%d 0 R" % (10 + number) for number in range(pages))
    objects = [_object(2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids)), content, _FONT]
    objects += (_object(10 + number, _PAGE) for number in range(pages))
    return _assembled(path, objects)


def raw_page(path: Path, content: bytes, *more: bytes, resources: bytes = b"") -> Path:
    """One page with this content object (from `stream`), and further objects."""
    page = _PAGE.replace(b"<</F1 5 0 R>>", b"<</F1 5 0 R>>" + resources)
    objects = [_object(2, b"<</Type/Pages/Count 1/Kids[3 0 R]>>"), _object(3, page)]
    return _assembled(path, [*objects, _object(4, content), _FONT, *more])


def flate_bomb(path: Path, size: int) -> Path:
    """A page whose content inflates to so many bytes."""
    return raw_page(path, stream(zlib_of_spaces(size), b"/Filter/FlateDecode"))


def double_flate_bomb(path: Path, size: int) -> Path:
    """A page whose content inflates twice, in the end to so many bytes."""
    twice = zlib.compress(zlib_of_spaces(size), 9)
    return raw_page(path, stream(twice, b"/Filter[/FlateDecode/FlateDecode]"))


def exponential_forms(path: Path, depth: int) -> Path:
    """A page that draws a form, which draws the next one ten times, and so on."""
    forms = []
    for number in range(depth):
        resources = b"/Subtype/Form/BBox[0 0 600 900]/Resources<</Font<</F1 5 0 R>>/XObject<</X %d 0 R>>>>"
        draws = b"/X Do " * 10 if number < depth - 1 else b"BT /F1 9 Tf 72 700 Td (deep) Tj ET"
        forms.append(_object(10 + number, stream(draws, b"/Type/XObject" + resources % (11 + number))))
    return raw_page(path, stream(b"/X Do"), *forms, resources=b"/XObject<</X 10 0 R>>")


def form_that_draws_itself(path: Path) -> Path:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 600 900]/Resources<</XObject<</X 10 0 R>>>>"
    return raw_page(
        path,
        stream(b"BT /F1 12 Tf 72 700 Td (Words before the form that draws itself.) Tj ET /X Do"),
        _object(10, stream(b"/X Do /X Do", form)),
        resources=b"/XObject<</X 10 0 R>>",
    )


def zlib_of_spaces(size: int) -> bytes:
    """Compressed white space: one block's bytes again and again, which is quicker than compressing it all."""
    packer = zlib.compressobj(9, wbits=-15)
    spaces = b" " * (1 << 20)
    block = packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 1
    for _ in range(size >> 20):
        checksum = zlib.adler32(spaces, checksum)
    return b"\x78\xda" + block * (size >> 20) + packer.flush() + checksum.to_bytes(4, "big")


_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """The body of a stream object; `entries` go into its dictionary."""
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def _object(number: int, body: bytes) -> bytes:
    return b"%d 0 obj\n%s\nendobj\n" % (number, body)


_FONT = _object(5, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")


def _assembled(path: Path, objects: Sequence[bytes]) -> Path:
    output = io.BytesIO()
    output.write(b"%PDF-1.7\n")
    places: dict[int, int] = {}
    for one in (_object(1, b"<</Type/Catalog/Pages 2 0 R>>"), *objects):
        places[int(one.split(b" ", 1)[0])] = output.tell()
        output.write(one)
    start = output.tell()
    output.write(b"xref\n")
    for number, place in places.items():
        output.write(b"%d 1\n%010d 00000 n \n" % (number, place))
    output.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (max(places) + 1, start))
    path.write_bytes(output.getvalue())
    return path


def _written(writer: PdfWriter, path: Path) -> Path:
    output = io.BytesIO()
    writer.write(output)
    path.write_bytes(output.getvalue())
    return path
