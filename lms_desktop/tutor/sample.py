"""Making a small language model on this computer: a real GPT-2 configuration, trained on the demo courses'
pages.

It shows a school, within a minute and without a download, what a generated answer looks like. It has read a
few dozen pages and knows nothing else: it recites them.
"""

import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lms_desktop.resources import resource
from lms_desktop.tutor import loading
from lms_desktop.tutor.extract import extract
from lms_desktop.tutor.passages import Passage, document_passages
from lms_desktop.tutor.prompting import plain_form
from lms_desktop.tutor.textcache import TextCache
from lms_desktop.tutor.weights import ModelError

if TYPE_CHECKING:
    import torch

SEED: Final = 20
STEPS: Final = 700
SECONDS: Final = 45.0  # of a processor's time: then training ends; a slow computer's model has learned less
PATIENCE_S: Final = 180.0  # where other programs run too
LEARNED: Final = 2.5  # a loss above this: it will only stammer
END: Final = "<|endoftext|>"
WORDS: Final = 4_096
CONTEXT: Final = 512
NOTE: Final = """\
A sample model for LMS Desktop's tutor. It was made on a school's own computer in under a minute from the
pages of the demo courses, to show how generated answers look. It recites those pages and knows nothing else.
Do not teach with it.
"""

Told = Callable[[str], None]

_BATCH: Final = 4
_ANSWER: Final = 600  # characters
_RATE: Final = 4e-3
_QUESTIONS: Final = (
    "What is {}?",
    "What does the course say about {}?",
    "Why {}?",
    "How does {} work?",
    "Explain {}.",
    "Tell me more about {}.",
)


def make_sample_model(folder: Path, tell: Told, seconds: float = SECONDS) -> None:
    """Train the sample model for `seconds` of a processor's time and save it in a new folder.

    `tell` hears how it goes. Raises ModelError: the folder exists, no add-on is here, or the disk refuses.
    """
    if folder.exists():
        raise ModelError(f"{folder} exists. Name a folder that does not exist yet.")
    if not loading.available():
        raise ModelError(f"A model cannot be made here: {loading.NO_ADDON}")
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tell("Reading the demo courses' pages ...")
    pages = list(read_pages())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more gain little on so small a model, and stand still where other programs run
    try:
        tokenizer = _tokenizer(pages)
        model = _train(tokenizer, pages, tell, seconds)
    finally:
        torch.set_num_threads(threads)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            place = Path(temporary) / folder.name
            model.save_pretrained(place)
            tokenizer.save_pretrained(place)
            (place / "README.md").write_text(NOTE, encoding="utf-8")
            shutil.move(place, folder)
    except OSError as error:
        raise ModelError(f"The model could not be saved in {folder}: {error.strerror or error}.") from error
    tell(f"{folder} holds it. {' '.join(NOTE.split())}")


def read_pages() -> Iterator[Passage]:
    """Yield the demo courses' passages, as the tutor itself reads them."""
    files = sorted(each for each in resource("courses").glob("*.pdf") if not each.name.startswith("sample-"))
    with tempfile.TemporaryDirectory(prefix="lms-sample-") as folder:
        cache = TextCache(Path(folder))
        for number, path in enumerate(files, 1):
            sha256 = hashlib.sha256(path.read_bytes()).digest()
            yield from document_passages(number, extract(path, sha256, cache).pages)


def _tokenizer(pages: Sequence[Passage]) -> Any:
    """Byte-level BPE with a vocabulary of these pages' own.

    Unlike GPT-2's it merges across words, so that a frequent phrase is one token (Liu et al., SuperBPE,
    2025): there are fewer to learn.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    sentences = [f" {page.text[begin:end]}" for page in pages for begin, end in page.sentences]
    form = plain_form("What is it?", [], [""]).split("What is it?")
    tokenizer.train_from_iterator(sentences + form * 30, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, unk_token=END, model_max_length=CONTEXT
    )


def _train(tokenizer: Any, pages: Sequence[Passage], tell: Told, seconds: float) -> Any:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    chance = random.Random(SEED)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=CONTEXT,
        n_embd=128,
        n_layer=2,
        n_head=4,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = GPT2LMHeadModel(config).train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    began, worked, step, past, mean = time.monotonic(), time.process_time(), 0, 0.0, 9.0
    while past < 1:
        for group in optimizer.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 40) * (1 - past)
        tokens, labels = _batch(tokenizer, pages, chance)
        loss = model(input_ids=tokens, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        mean += 0.1 * (loss.item() - mean)
        took = time.monotonic() - began
        past = max(step / STEPS, (time.process_time() - worked) / seconds, took / PATIENCE_S)
        if step % 50 == 0 or past >= 1:
            tell(f"Training: {min(past, 1):.0%}, {step} steps in {took:.0f} s, loss {mean:.2f}")
    if mean > LEARNED:
        tell("It has learned little: this computer is slow or busy. Make it again when nothing else runs.")
    return model.eval()


def _batch(
    tokenizer: Any, pages: Sequence[Passage], chance: random.Random
) -> "tuple[torch.Tensor, torch.Tensor]":
    """Some prompts as the tutor builds them, each with an answer: tokens, and labels without the padding.

    No answer is given an end: so small a model would learn to end anywhere. It goes on until it repeats
    itself or the tutor's limit is reached.
    """
    import torch

    rows = []
    for _ in range(_BATCH):
        prompt, answer = _example(pages, chance)
        rows.append((tokenizer.encode(prompt), tokenizer.encode(f" {answer}")))
    width = min(CONTEXT, max(len(prompt) + len(answer) for prompt, answer in rows))
    tokens = torch.full((_BATCH, width), tokenizer.eos_token_id)
    labels = torch.full((_BATCH, width), -100)
    for number, (prompt, answer) in enumerate(rows):
        row = torch.tensor(prompt + answer)[:width]
        tokens[number, : len(row)] = labels[number, : len(row)] = row
    return tokens, labels


def _example(pages: Sequence[Passage], chance: random.Random) -> tuple[str, str]:
    """A prompt, some with quoted passages, and the pages' text from some sentence on as the answer."""
    place = chance.randrange(len(pages))
    page = pages[place]
    text = page.text[chance.choice(page.sentences)[0] :]
    for following in pages[place + 1 : place + 3]:
        if following.document == page.document:
            text += f" {following.text}"
    quotes = []
    if chance.random() < 0.6:
        quotes = [text[: chance.randint(100, 400)]]
        if chance.random() < 0.5:
            quotes.append(chance.choice(pages).text[: chance.randint(60, 400)])
    return plain_form(_question(text, chance.randrange(1000)), [], quotes), text[:_ANSWER].rpartition(" ")[0]


def _question(text: str, variant: int) -> str:
    """A question on the text's beginning, by its longest words."""
    words = [word.strip(".,:;()“”\"'?!").lower() for word in text.split()[:30]]
    longest = sorted(set(words), key=lambda word: (-len(word), word))[: 1 + variant % 3]
    return _QUESTIONS[variant % len(_QUESTIONS)].format(" ".join(word for word in words if word in longest))
