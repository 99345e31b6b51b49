"""`lms-desktop verify`: a true receipt is true on every machine of the school, and each lie is named."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lms_desktop.client.documents import ReceiptText
from lms_desktop.client.documents import receipt as receipt_pdf
from lms_desktop.node.items import State
from lms_desktop.trust import wire
from lms_desktop.trust.primitives import sha256
from lms_desktop.trust.receipts import Receipt, complete, file_commitment
from lms_desktop.verify import FALSE, TRUE, UNUSABLE, Unusable, main, read
from tests.node import test_work as work
from tests.node.classroom import classroom
from tests.node.links import until

FILE = b"%PDF-1.7 the work that was handed in"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Receipt]:
    """The data folders of three machines, switched off, and a safe receipt."""
    folder = tmp_path_factory.mktemp("school")
    parts: list[bytes] = []

    async def story() -> None:
        async with classroom(folder) as nodes:
            node = await nodes.follower()
            envelope, name = work.hand_in(
                nodes.school,
                node,
                nodes.school.alice,
                random.Random(1).randbytes(1000),
                commitment=file_commitment(work.NONCE, sha256(FILE)),
            )
            item = await node.work._delivery.submit(envelope.raw, name, "essay")
            await until(lambda: item.state is State.SAFE, 20)
            kept = await node.work._receipts.receipt(item.key)
            assert kept is not None
            parts.append(kept[0])
            applied = node.ledger.applied
            await until(lambda: all(each.ledger.applied >= applied for each in nodes.running.values()))

    asyncio.run(story())
    return folder, Receipt.parse(complete(parts[0], work.NONCE, sha256(FILE)))


def encode(receipt: Receipt) -> bytes:
    return wire.pack(
        (
            1,
            receipt.cluster_id,
            receipt.epoch,
            receipt.index,
            receipt.head,
            receipt.stamp,
            receipt.envelope,
            receipt.tickets,
            receipt.voters,
            receipt.signer,
            receipt.signature,
            receipt.nonce,
            receipt.sha256,
        )
    )


def verify(folder: Path, data: bytes, *more: str, machine: int = 4, name: str = "receipt.lms") -> int:
    path = folder / name
    path.write_bytes(data)
    return main([str(path), "--data", str(folder / str(machine)), *more])


@pytest.mark.parametrize("machine", [2, 4, 6])
def test_a_true_receipt_is_true_on_every_machine(
    school: tuple[Path, Receipt], machine: int, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, receipt = school
    assert verify(folder, encode(receipt), machine=machine) == TRUE
    said = capsys.readouterr().out
    assert f"Receipt {receipt.code}" in said
    assert "This receipt is true: the work is safe." in said
    assert "Alice" in said
    assert "FALSE" not in said


def test_the_saved_pdf_is_as_good_as_the_receipt_itself(school: tuple[Path, Receipt]) -> None:
    folder, receipt = school
    text = ReceiptText("Receipt", receipt.code, (("Student", "Alice"),), "Safe.")
    pdf = receipt_pdf(text, machine_readable=encode(receipt))
    assert verify(folder, pdf, name="receipt.pdf") == TRUE


def test_the_file_given_is_compared(school: tuple[Path, Receipt], capsys: pytest.CaptureFixture[str]) -> None:
    folder, receipt = school
    (folder / "work.pdf").write_bytes(FILE)
    assert verify(folder, encode(receipt), "--file", str(folder / "work.pdf")) == TRUE
    (folder / "work.pdf").write_bytes(FILE + b" and more")
    assert verify(folder, encode(receipt), "--file", str(folder / "work.pdf")) == FALSE
    out = capsys.readouterr().out
    assert "another one" in out
    assert "The receipt is true, but not for this file." in out
    assert "This receipt is FALSE." not in out


OTHER_FILE = "not of the file with this SHA-256"
OTHER_ENTRY = "has something else at entry"
ALTERED = "its time or its holders were altered"


def flipped(data: bytes) -> bytes:
    """The bytes with the last bit another."""
    return data[:-1] + bytes([data[-1] ^ 1])


Lie = Callable[[Receipt], Receipt]


LIES: dict[str, tuple[Lie, str]] = {
    "earlier": (lambda r: replace(r, stamp=r.stamp - 86_400_000), OTHER_ENTRY),
    "more holders": (lambda r: replace(r, voters=(2, 4, 6, 99)), ALTERED),
    "no voter": (lambda r: replace(r, signer=9), "No voter of the school signed this"),
    "another file": (
        lambda r: replace(r, sha256=sha256(b"another file")),
        "not of the file with this SHA-256",
    ),
    "another nonce": (lambda r: replace(r, nonce=bytes(32)), OTHER_FILE),
    "another head": (lambda r: replace(r, head=bytes(32)), OTHER_ENTRY),
    "another place": (lambda r: replace(r, index=r.index - 1), OTHER_ENTRY),
    "another author's bytes": (
        lambda r: replace(r, envelope=flipped(r.envelope)),
        "did not sign",
    ),
    "a false ticket": (
        lambda r: replace(r, tickets=(flipped(r.tickets[0]),)),
        "keeper's ticket is false",
    ),
    "another school": (lambda r: replace(r, cluster_id=bytes(32)), "It is of another school."),
}


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_named(
    school: tuple[Path, Receipt], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, receipt = school
    lie, said = LIES[name]
    assert verify(folder, encode(lie(receipt))) == FALSE
    out = capsys.readouterr().out
    assert said in out
    assert "This receipt is FALSE." in out


def test_what_cannot_be_told_is_neither_true_nor_false(
    school: tuple[Path, Receipt], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, receipt = school
    assert verify(folder, encode(replace(receipt, index=receipt.index + 1000))) == UNUSABLE
    assert "does not reach entry" in capsys.readouterr().err
    assert verify(folder, b"no receipt at all") == UNUSABLE
    assert verify(folder, b"%PDF-1.7 broken") == UNUSABLE
    assert main([str(tmp_path / "absent.pdf"), "--data", str(folder / "4")]) == UNUSABLE
    (tmp_path / "receipt.lms").write_bytes(encode(receipt))
    assert main([str(tmp_path / "receipt.lms"), "--data", str(tmp_path)]) == UNUSABLE
    assert "belongs to no school" in capsys.readouterr().err
    (tmp_path / "ledger.db").write_bytes(b"no database" * 100)
    assert main([str(tmp_path / "receipt.lms"), "--data", str(tmp_path)]) == UNUSABLE
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_pdf_is_never_a_traceback(school: tuple[Path, Receipt], tmp_path: Path) -> None:
    whole = receipt_pdf(
        ReceiptText("Receipt", "K7QF-2M9X", (("State", "safe"),), "True."), machine_readable=encode(school[1])
    )
    chance, path = random.Random(5), tmp_path / "receipt.pdf"
    told = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            place = chance.randrange(8, len(data))
            data[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 2))
        path.write_bytes(data)
        try:
            read(path)
        except Unusable:
            told += 1
    assert told
