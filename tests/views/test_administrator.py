"""The administrator at a seat: people by hand and from a CSV, slips, a first sign-in, machines."""

import asyncio
import json
import secrets
from pathlib import Path

import pytest

from lms_desktop.client import machines, setup
from lms_desktop.client.errors import NodeRefused
from lms_desktop.config import Provisioning
from lms_desktop.demo.seats import make_seats
from lms_desktop.views.signin import PassphraseView
from tests.views.actor import Actor

ROSTER = "\ufefflogin;name\nnils;Nils Holm\n;Nobody\nmia;Mia Again\nada;Ada Berg\n"


@pytest.fixture
def ines(seat) -> Actor:
    return seat("A").sign_in("ines")


def slip_words(actor: Actor) -> dict[str, str]:
    """The words of the slips that are on the screen, by login."""
    return {slip.login: slip.words for slip in actor.find("slips.table").rows.rows}


def test_a_person_by_hand_gets_a_slip_and_comes_in_with_it(ines: Actor, seat, tmp_path: Path) -> None:
    ines.press("nav.people")
    ines.press("people.add", settle=False)
    ines.type("add_person.name", "Lena Vik")
    ines.type("add_person.login", "mia")
    ines.press("add_person.ok", settle=False)
    dialog = ines.dialog("add_person")
    ines.waits(dialog.problem.text)
    assert "login" in dialog.problem.text()
    ines.type("add_person.login", "lena")
    ines.press("add_person.ok", settle=False)
    ines.closed("add_person")
    words = slip_words(ines)["lena"]
    assert len(words.split()) == 6
    ines.press("slips.ok", settle=False)
    ines.choose_file(tmp_path / "slips.pdf")
    ines.reads("Saved: ")
    assert (tmp_path / "slips.pdf").exists()
    ines.press("slips.cancel", settle=False)
    ines.closed("slips")
    ines.waits(lambda: "lena" in [row.login for row in ines.page.table.rows.rows])

    lena: Actor = seat("B")
    view = lena.window.sign_in_view
    lena.waits(lambda: not lena.window.tasks.running)
    lena.press("signin.to_slip", settle=False)

    def offered() -> bool:
        """Try until the slip has reached this machine."""
        if lena.window.findChild(PassphraseView) is not None:
            return True
        if not lena.window.tasks.running:
            view.words.setText(words.upper())
            view.first.click()
        return False

    lena.waits(offered)
    shown = lena.window.findChild(PassphraseView)
    passphrase = shown._passphrase
    assert len(passphrase.split()) == 4
    shown.written.click()
    shown.go_on.click()
    lena.settle()
    lena.reads("Lena")

    again: Actor = seat("C")
    view = again.window.sign_in_view
    again.waits(lambda: not again.window.tasks.running)
    view.show_slip(True)
    view.words.setText(words)
    view.first.click()
    again.waits(lambda: view.problem.text())
    assert "has been used" in view.problem.text()
    view.show_slip(False)
    view.login.setText("lena")
    view.passphrase.setText(passphrase)
    view.enter.click()
    again.settle()
    again.reads("Lena")


def test_a_csv_is_previewed_with_each_bad_row_and_imported(ines: Actor, tmp_path: Path) -> None:
    ines.press("nav.people")
    roster = tmp_path / "class.csv"
    roster.write_text(ROSTER, "utf-8")
    ines.press("people.import", settle=False)
    ines.choose_file(roster)
    dialog = ines.dialog("import")
    assert "2 to add, 2 cannot be used." in ines.texts(dialog)
    errors = ines.find("import.errors").rows.rows
    assert [row.line for row in errors] == [3, 4]
    ines.press("import.ok", settle=False)
    assert set(slip_words(ines)) == {"nils", "ada"}
    ines.press("slips.cancel", settle=False)
    ines.reads("Not saved: once this closes, the words are gone.")
    ines.press("slips.cancel", settle=False)
    ines.closed("slips")
    ines.type("people.search", "nils")
    ines.waits(lambda: [row.login for row in ines.page.table.rows.rows] == ["nils"])


def test_a_file_that_is_no_roster_is_told(ines: Actor, tmp_path: Path) -> None:
    ines.press("nav.people")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    ines.page.import_file(wrong)
    ines.waits(lambda: ines.window.toasts.shown())
    (toast,) = ines.window.toasts.shown()
    assert toast.message.stays
    assert "wrong.csv" in toast.message.text
    assert not toast.message.details


def test_machines_are_live_and_may_join_by_a_file(ines: Actor, tmp_path: Path) -> None:
    ines.press("nav.machines")
    rows = ines.page.table.rows.rows
    assert [row.name for row in rows] == ["A", "B", "C"]
    assert all(row.online and row.keeper for row in rows)
    ines.press("machines.provision", settle=False)
    ines.press("provisioning.ok", settle=False)
    ines.choose_file(tmp_path / "provision.json")
    ines.closed("provisioning")
    assert json.loads((tmp_path / "provision.json").read_text())["seeds"]


def test_a_machine_that_is_killed_is_shown_as_off_and_returns(ines: Actor, school) -> None:
    ines.press("nav.machines")
    off = school.seat("C")

    def seen(name: str) -> bool:
        return next(row.online for row in ines.page.table.rows.rows if row.name == name)

    ines.run(school.kill(off))
    try:
        ines.waits(lambda: not seen("C"))
        ines.reads("2 of 3 on")
    finally:
        ines.run(school.restart(off))
    ines.waits(lambda: seen("C"))


def test_a_stranger_with_a_forged_token_is_listed_among_the_refused(
    ines: Actor, school, tmp_path: Path
) -> None:
    file = ines.run(machines.make_provisioning(ines.window.session, destination=tmp_path / "true.json"))
    true = Provisioning.from_json(file.read_bytes())
    forged = tmp_path / "forged.json"
    forged.write_bytes(Provisioning(true.cluster_id, true.seeds, secrets.token_bytes(32)).to_json())
    (stranger,) = make_seats(tmp_path / "stranger", ("X",))
    stranger.start()
    try:
        ines.run(stranger.ready())
        ines.press("nav.machines")
        with pytest.raises(NodeRefused):
            ines.run(setup.join_school(stranger.link, provisioning=forged, timeout_s=3.0))
        ines.waits(lambda: ines.page.attempts.isVisible())
        (attempt,) = ines.page.attempts.rows.rows
        assert attempt.address.startswith("127.0.0.1")
        assert attempt.reason
        assert len(ines.page.table.rows.rows) == 3
    finally:
        ines.run(asyncio.to_thread(stranger.close))
