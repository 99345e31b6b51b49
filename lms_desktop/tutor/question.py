"""What a question asks: the clause that asks, the words that say what about, orders to the tutor itself."""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from lms_desktop.resources import resource
from lms_desktop.tutor.vocabulary import WORD, words

_WH: Final = r"(?:what|why|how|who|whom|whose|when|where|which)(?:['’]?s)?"
_AUXILIARY: Final = (
    r"(?:is|are|was|were|do|does|did|can|could|may|might|should|would|will|shall|has|have|had|am"
    r"|isn['’]?t|aren['’]?t|don['’]?t|doesn['’]?t|didn['’]?t|can['’]?t)"
)
_ORDER: Final = (
    r"(?:tell|explain|write|give|show|list|describe|make|recommend|help|compare|invent|translate|say|print|set"
    r"|play|call|name|define|find|compute|calculate|suggest|sort|rate|plan|order|draw|sing|compose|prove"
    r"|summari[sz]e|answer|repeat|pretend|ignore|forget|guess|use)"
)
_ASKING: Final = re.compile(
    rf"(?:^|[.?!;:,\n)—–-]\s*|\b(?:and|but|so|then|also|or|because|ok|now|please|hi|hello)\s+)"
    rf"(?=(?:{_WH}|{_AUXILIARY}|{_ORDER}|i (?:need|want|would like))\b)"
    rf"|\b(?:me|us|know|say|ask|wonder|out|about|explain|tell|show|remember|guess)\s+(?={_WH}\b)"
    rf"|(?<=\w )(?=(?:what|why|how)\b)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[.?!;:\n](?=\s|$)|,(?=\s)")

_FEW: Final = 3  # words that say what about
_BACK: Final = re.compile(
    r"\b(?:it|its|he|him|his|she|her|they|them|their|that|this|these|those|ones?|there|then|both|same|other|another"
    r"|else|again|instead|also|part|example|last|first|next|mean|understand|explain|really|sure|wrong)\b"
    r"|^\W*(?:and|but|so|or|ok)\b",
    re.IGNORECASE,
)

_TO_THE_TUTOR: Final = re.compile(
    r"""
      \b(?:ignore|disregard|forget|override|bypass|drop|break)\b [^.?!]{0,40}
        \b(?:instructions?|rules?|prompt|guidelines|restrictions?|above|everything|policy|limits?)\b
    | \b(?:your|the|hidden|secret|system|initial)\s+ (?:\w+\s+)?
        (?:system[ ]?prompt|instructions|prompt|configuration|guidelines|set-?up)\b
    | ^\W* (?:act|behave|respond|answer|talk|speak)\s (?:as|like)\s (?:a|an|my|if|the)\b
    | \b(?:you\sare|you're)\s (?:now|no\slonger|a|an|my)\b
    | \bfrom\snow\son\b | \bpretend\b | \brole-?play\b | \bjailbreak
    | \b(?:developer|debug|admin|god)\smode\b
    | </?\s* (?:system|user|assistant|inst)\b | ^\W* system\s*:
    | \bnew\s (?:rule|task|instruction|policy|role|persona)s?\s*:
    | \bare\syou\s (?:chatgpt|an?\s(?:ai|bot|robot|human|machine))
    | \bwhich\s (?:language\s)? model\sare\syou\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def content(text: str) -> list[str]:
    """Return the words that say what the text is about."""
    return [word for word in words(text) if len(word) > 1 and word not in _small_words()]


def asking_clause(text: str) -> str:
    """Return the last clause that asks or orders and says what about; the whole text if none does.

    It leaves out what a question is wrapped in: "By binary search, tell me who won the cup" asks who won.
    """
    for start in reversed([match.end() for match in _ASKING.finditer(text)]):
        end = _CLAUSE.search(text, start)
        clause = text[start : end.start() if end else len(text)]
        if content(clause):
            return f"{clause.strip()}?"
    return text


def without(text: str, is_known: Callable[[str], bool]) -> str:
    """Return the text without the words about something that are known."""

    def kept(match: re.Match[str]) -> str:
        word = match[0].lower()
        return match[0] if word in _small_words() or not is_known(word) else ""

    return WORD.sub(kept, text)


def leans(text: str) -> bool:
    """Whether a text may need the question before it to be understood: it says little of its own, and points
    back or hardly says anything at all."""
    own = [word for word in content(text) if not _BACK.fullmatch(word)]
    return len(own) <= 1 or (len(own) <= _FEW and _BACK.search(text) is not None)


def is_to_the_tutor(text: str) -> bool:
    """Whether the text is about the tutor and its orders, not about a course."""
    return bool(_TO_THE_TUTOR.search(text))


@cache
def _small_words() -> frozenset[str]:
    lines = resource("tutor", "small_words.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
