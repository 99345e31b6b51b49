"""What is reported of the gate and of the retrieval, in percent."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pypdfium2

from lms_desktop.tutor.pages import clean
from lms_desktop.tutor.protocol import ANSWERED, BORDERLINE, DECLINED, Document, Source
from lms_desktop.tutor.relevance import Judgement
from tests.tutor.evaluation import Category, Question, Right
from tests.tutor.evaluation.reading import Reading

GROUPS: Final[Mapping[str, Callable[[Question], bool]]] = {
    "on_topic": lambda question: question.right is Right.ANSWER,
    "off_topic": lambda question: question.category is Category.OFF_TOPIC,
    "other_course": lambda question: question.category is Category.OTHER_COURSE,
    "wrapped": lambda question: question.category in (Category.WRAPPED, Category.INJECTION),
    "same_discipline": lambda question: question.category is Category.SAME_DISCIPLINE,
    "other_language": lambda question: question.category is Category.OTHER_LANGUAGE,
    "left_topic": lambda question: bool(question.history) and question.right is Right.DECLINE,
    # Parts of the groups above.
    "plain": lambda question: question.category is Category.ON_TOPIC,
    "misspelt": lambda question: question.category is Category.MISSPELT,
    "procedural": lambda question: question.category is Category.PROCEDURAL,
    "followed": lambda question: bool(question.history) and question.right is Right.ANSWER,
    "injection": lambda question: question.category is Category.INJECTION,
}
_VERDICTS: Final = {"passed": ANSWERED, "borderline": BORDERLINE, "refused": DECLINED}
_FIRST: Final = 3


def relevance(questions: Sequence[Question], judgements: Sequence[Judgement]) -> dict[str, float]:
    """Return for each group `*_passed_pct` (answered), `*_borderline_pct` (asked back),
    `*_refused_pct` (declined) and `*_count`."""
    figures: dict[str, float] = {}
    for group, belongs in GROUPS.items():
        pairs = zip(questions, judgements, strict=True)
        verdicts = Counter(judged.verdict for question, judged in pairs if belongs(question))
        for name, verdict in _VERDICTS.items():
            figures[f"{group}_{name}_pct"] = 100 * verdicts[verdict] / verdicts.total()
        figures[f"{group}_count"] = verdicts.total()
    return figures


def retrieval(
    reading: Reading, questions: Sequence[Question], judgements: Sequence[Judgement]
) -> dict[str, float]:
    """Return `hit1_pct` and `hit3_pct`: of the questions whose right pages are known, those where one is the
    first of the sources shown, or among the first three; `verbatim_pct`: of all sources shown, those
    whose quote stands on its page word for word when that is read anew."""
    shown = [
        reading.sources(question, judged) for question, judged in zip(questions, judgements, strict=True)
    ]
    right = [
        [(source.document, source.page) in reading.right_pages(question) for source in sources]
        for question, sources in zip(questions, shown, strict=True)
        if question.pages
    ]
    quoted = [source for sources in shown for source in sources]
    return {
        "hit3_pct": 100 * sum(any(hits[:_FIRST]) for hits in right) / len(right),
        "hit1_pct": 100 * sum(any(hits[:1]) for hits in right) / len(right),
        "verbatim_pct": 100 * _verbatim(reading, quoted) / len(quoted),
        "questions": len(right),
        "citations": len(quoted),
    }


def _verbatim(reading: Reading, sources: Sequence[Source]) -> int:
    texts: dict[int, list[str]] = {}
    count = 0
    for source in sources:
        if source.document not in texts:
            texts[source.document] = _pages(reading.documents[source.document])
        count += source.quote in texts[source.document][source.page]
    return count


def _pages(document: Document) -> list[str]:
    """Return its own words and then its pages, runs of white space made one space."""
    texts = [f"{document.title}\n\n{document.text}"]
    if document.path:
        texts += (page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(document.path))
    hyphen = "\ufffe"  # PDFium's mark for one at the end of a line
    return [" ".join(clean(text.replace(hyphen, "-\n")).split()) for text in texts]
