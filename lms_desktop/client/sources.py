"""Sources: passages quoted from the course's own pages, and how one is opened where it stands."""

from dataclasses import dataclass
from enum import StrEnum


class DocumentKind(StrEnum):
    """What a document of a course is."""

    MATERIAL = "material"
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True)
class Source:
    """A passage of one page, word for word: `page` counts from 1, 0 is an assignment's own text.

    `document` is the reference of a material or an assignment; `title` is empty for one that is not on this
    computer. `score` is in thousandths, None where nobody scored it.
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
        title = self.title or "a document of the course"
        return f"{title}, page {self.page}" if self.page else title
