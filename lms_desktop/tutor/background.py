"""What people ask that no course is about, and what they ask about handing in: texts to compare with."""

from typing import Final

from lms_desktop.resources import resource
from lms_desktop.tutor.encoder import Encoder
from lms_desktop.tutor.vocabulary import words


class Background:
    """The texts and their vectors; made once for all courses. A second of the encoder's time."""

    def __init__(self, encoder: Encoder) -> None:
        """Raises FileNotFoundError where the installation lacks the texts."""
        self.encoder: Final = encoder
        self.texts: Final = _lines("background.txt")
        procedural = _lines("procedural.txt")
        vectors = encoder.encode([*self.texts, *procedural])
        self.vectors: Final = vectors[: len(self.texts)]
        self.procedural: Final = vectors[len(self.texts) :]
        self.words: Final = frozenset(word for text in self.texts for word in words(text))


def _lines(name: str) -> tuple[str, ...]:
    lines = resource("tutor", name).read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))
