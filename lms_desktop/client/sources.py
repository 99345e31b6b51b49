"""Sources: passages quoted from the course's own pages, and how one is opened where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lms_desktop.client.course import open_assignment_pdf, open_material
from lms_desktop.client.errors import BadFile
from lms_desktop.client.session import Session
from lms_desktop.school import limits
from lms_desktop.school.commands import Citation
from lms_desktop.school.queries.tutor import DocumentRow


class DocumentKind(StrEnum):
    """What a document of a course is."""

    MATERIAL = "material"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Document:
    """A material or an assignment in force; `pages` of its PDF (0: none), `text` of an assignment."""

    document: int
    kind: DocumentKind
    title: str
    text: str
    pages: int


@dataclass(frozen=True, slots=True)
class Source:
    """A passage of one page, word for word: `page` counts from 1, 0 is a document's own title and text.

    `document` is the reference of a material or an assignment; `title` is empty for one that is not in force
    or not on this computer. `score` is in thousandths, None where nobody scored it.
    """

    document: int
    page: int
    quote: str
    score: int | None = None
    kind: DocumentKind = DocumentKind.MATERIAL
    title: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for people: the document's title and the page."""
        title = self.title or "a document that is no longer in the course"
        return f"{title}, page {self.page}" if self.page else title


async def documents(session: Session, *, course: int) -> tuple[Document, ...]:
    """What the course consists of now: the assignments and materials whose pages can be cited."""
    return tuple(
        Document(row.document, DocumentKind(row.kind), row.title, row.text, row.pages or 0)
        for row in await session.query(DocumentRow, "course_documents", course)
    )


async def open_document(session: Session, *, source: Source) -> bytes:
    """The PDF that a source is in. Raises BadFile where it stands in the document's own title or text."""
    if source.page == 0:
        raise BadFile(
            "This passage is in the document's own title or text, on no page.",
            where=source.title,
            next_step="Open the assignment.",
        )
    if source.kind is DocumentKind.ASSIGNMENT:
        return await open_assignment_pdf(session, assignment=source.document)
    return await open_material(session, material=source.document)


def source_of(
    known: Mapping[int, Document], document: int, page: int, quote: str, score: int | None = None
) -> Source:
    """A source with the title of its document, where that is among the `known`."""
    found = known.get(document)
    if found is None:
        return Source(document, page, quote, score)
    return Source(document, page, quote, score, found.kind, found.title)


def citation(source: Source) -> Citation:
    """A source as a question or its reply cites it: one line, at most `limits.QUOTE` characters."""
    return Citation(source.document, source.page, " ".join(source.quote.split())[: limits.QUOTE].strip())
