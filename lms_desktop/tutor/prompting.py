"""What a language model is given to read: the course's passages, the conversation, the question. It always
fits.
"""

from collections.abc import Sequence
from typing import Any, Final

TASK: Final = (
    "You are the tutor of a course. Answer in a few sentences, from the passages of the course below and "
    "nothing else, and name those you use as [1], [2]. If they do not answer the question, say so."
)
HEADING: Final = "From the course:"
QUESTION: Final = "Question:"
ANSWER: Final = "Answer:"
STOPS: Final = (f"\n{QUESTION}", f"\n{HEADING}")
"""Where a model without a chat template begins to play the other parts too."""

ANSWER_TOKENS: Final = 256
LEAST_PASSAGE: Final = 80  # characters; what is left of a shortened passage is worth reading above this
EARLIER_CHARS: Final = 400  # of each earlier question and answer

Pairs = Sequence[tuple[str, str]]


class QuestionTooLong(Exception):
    """The question alone does not fit in what the model reads at once."""


class Prompter:
    """Builds prompts for one model. `tokenizer` is transformers'; `context` is in tokens."""

    def __init__(self, tokenizer: Any, context: int) -> None:
        self._tokenizer = tokenizer
        self._special = tuple(sorted(tokenizer.get_added_vocab(), key=len, reverse=True))
        self.chat = bool(tokenizer.chat_template)
        self.stops: tuple[str, ...] = () if self.chat else STOPS
        self.answer_tokens = min(ANSWER_TOKENS, context // 4)
        self._room = context - self.answer_tokens

    def prompt(self, question: str, history: Pairs, passages: Sequence[str]) -> list[int]:
        """Return the prompt's tokens; with the answer's they fit the context.

        What has no room is left out in this order: the conversation but its last exchange, from the oldest
        on; passages but the best, from the last on; the last exchange; the end of the best passage. Raises
        QuestionTooLong.
        """
        talk = [
            (self._plain(asked)[:EARLIER_CHARS], self._plain(said)[:EARLIER_CHARS]) for asked, said in history
        ]
        pages = [self._plain(passage) for passage in passages]
        question = self._plain(question)
        while True:
            tokens = self._tokens(question, talk, pages)
            if len(tokens) <= self._room:
                return tokens
            if len(talk) > 1:
                del talk[0]
            elif len(pages) > 1:
                del pages[-1]
            elif talk:
                del talk[0]
            elif pages:
                shorter = pages[0][: len(pages[0]) // 2].rpartition(" ")[0]
                pages = [shorter] if len(shorter) >= LEAST_PASSAGE else []
            else:
                raise QuestionTooLong(
                    f"The question is longer than what the model reads at once ({self._room} tokens)."
                )

    def _plain(self, text: str) -> str:
        """The text on one line, without what the model would take for its own marks (`<|endoftext|>`)."""
        for mark in self._special:
            text = text.replace(mark, " ")
        return " ".join(text.split())

    def _tokens(self, question: str, talk: Pairs, pages: Sequence[str]) -> list[int]:
        if not self.chat:
            return list(self._tokenizer.encode(plain_form(question, talk, pages)))
        messages: list[dict[str, str]] = []
        for asked, said in talk:
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
        request = "\n\n".join([TASK, *_pages(pages), f"{QUESTION} {question}"])
        messages.append({"role": "user", "content": request})
        text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return list(self._tokenizer.encode(text, add_special_tokens=False))


def plain_form(question: str, talk: Pairs, pages: Sequence[str]) -> str:
    """Return the prompt for a model that only continues texts; the answer follows after a space."""
    parts = _pages(pages)
    parts += [f"{QUESTION} {asked}\n{ANSWER} {said}" for asked, said in talk]
    parts.append(f"{QUESTION} {question}\n{ANSWER}")
    return "\n\n".join(parts)


def _pages(pages: Sequence[str]) -> list[str]:
    return [HEADING, *(f"[{number}] {page}" for number, page in enumerate(pages, 1))] if pages else []
