"""The story's steps 3 to 6 in real windows, by keyboard and pointer.

`python -m tests.e2e.play_windows FOLDER` needs an X server (DISPLAY) that nobody else uses. It prints one
line a step, and ends with status 1 at the first that fails.
"""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import qasync
from PySide6.QtWidgets import QApplication, QDialog

from lms_desktop.children import child_command, child_environment
from lms_desktop.client import people, submit
from lms_desktop.client.grading import GradeState
from lms_desktop.demo.cast import grow_pdf
from lms_desktop.demo.school import INSTRUCTOR, STUDENTS, DemoSchool
from lms_desktop.demo.seats import Seat
from lms_desktop.resources import resource
from lms_desktop.views.theme import prepare, theme
from tests.e2e.windows import Hand, until, xdotool
from tests.views.school import open_window

TITLE = "Search by halves"
MATERIAL = resource("courses", "searching.pdf")
TASK = resource("courses", "halving.pdf")
WORK = resource("courses", "sample-halving-1.pdf")
OTHER = resource("courses", "sample-halving-2.pdf")
BIG_BYTES = 24 * 1024 * 1024


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Play:
    """The people's hands, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.school = DemoSchool(folder / "school")
        self._hands: list[Hand] = []

    def sit(self, seat: str) -> Hand:
        """Open a window at a machine."""
        hand = Hand(self.school, open_window(self.school, seat))
        hand.window.move(0, 0)
        self._hands.append(hand)
        return hand

    async def prepare(self) -> None:
        """Steps 1 and 2, which other tests play: the school, its people, their first sign-in."""
        administrator = await self.school.found()
        for place, new in enumerate((INSTRUCTOR, *STUDENTS)):
            slip = await people.add_person(administrator, person=new)
            (await self.school.first_sign_in(self.school.seats[place % 3], slip)).sign_out()
        administrator.sign_out()

    async def set_work(self) -> None:
        """Step 3: the instructor on B makes a course, uploads a PDF, sets an assignment, enrols everyone."""
        omar = self.sit("B")
        await omar.sign_in("omar")
        await omar.click("nav.courses")
        await omar.click("courses.new")
        await omar.fill("course_dialog.title", "Algorithms")
        await omar.fill("course_dialog.code", "ALG-1")
        await omar.keys("Return")
        await omar.reads("ALG-1")
        await omar.settle()

        await self._tab(omar, 2)
        await omar.click("course.enrol")
        await until(lambda: omar.count("enrol_dialog.list") == 3, "three students to enrol")
        await omar.click("enrol_dialog.all")
        await omar.click("enrol_dialog.ok")
        await until(lambda: len(omar.page._people.rows.rows) == 4, "everyone in the course")
        await omar.settle()

        await self._tab(omar, 1)
        await omar.click("course.add_material")
        await omar.click("material_dialog.file.choose")
        await omar.choose_file(MATERIAL)
        await self._front_dialog(omar, "material_dialog")
        await omar.fill("material_dialog.title", "How fast is it?")
        await omar.click("material_dialog.ok")
        await omar.reads("How fast is it?")
        await omar.settle()

        await self._tab(omar, 0)
        await omar.click("course.add_assignment")
        await omar.fill("assignment_dialog.title", TITLE)
        await omar.fill("assignment_dialog.text", "Hand in one PDF.")
        await omar.fill("assignment_dialog.points", "20")
        await omar.click("assignment_dialog.file.choose")
        await omar.choose_file(TASK)
        await self._front_dialog(omar, "assignment_dialog")
        await omar.click("assignment_dialog.ok")
        await omar.reads(TITLE)
        await omar.leave()

    async def hand_in(self) -> None:
        """Step 4: a student on C reads, keeps a copy, hands in, keeps the receipt; anybody verifies it."""
        mia = self.sit("C")
        await mia.sign_in("mia")
        await mia.reads("7 days to submit")
        await mia.click_row("How fast is it?")
        await until(lambda: mia.page.reader.pages > 1, "the material's pages")
        await mia.keys("ctrl+s")
        copy = self.folder / "copy.pdf"
        await mia.choose_file(copy)
        await until(copy.exists, "the copy")
        assert sha256(copy) == sha256(MATERIAL), "the copy is not the material"
        await mia.front()
        await mia.keys("alt+Left")
        await mia.settle()
        await mia.click_row(TITLE)
        await mia.click("handin.drop.choose")
        await mia.choose_file(WORK)
        await mia.front()
        await mia.reads("No password, complete to its end")
        await mia.click("handin.submit")
        await mia.reads("RECEIPT")
        await mia.reads("Safe on")
        await mia.settle()
        receipt = self.folder / "receipt.pdf"
        await mia.click("receipt.save")
        await mia.choose_file(receipt)
        await until(receipt.exists, "the receipt's PDF")
        done = await asyncio.to_thread(
            subprocess.run,
            child_command("verify", str(receipt), "--data", str(self.school.seat("A").data)),
            env=child_environment(),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        await mia.leave()

    async def leader_dies(self) -> None:
        """Step 5: the leader is killed in mid-upload; then the student's own window and node."""
        big = grow_pdf(WORK, self.folder / "big.pdf", b"x" * BIG_BYTES)
        first = await self._leader()
        seat = next(seat for seat in reversed(self.school.seats) if seat is not first)
        yusuf = self.sit(seat.name)
        await yusuf.sign_in("yusuf")
        await self._start_hand_in(yusuf, big)
        leader = await self._leader()
        await self.school.kill(leader)
        if leader is seat:  # it has taken over since: the hand-in goes on once it is back
            await self.school.restart(leader)
        await yusuf.reads("RECEIPT")
        if leader is not seat:
            await self.school.restart(leader)
        await until(lambda: "Safe on" in yusuf.texts(), "safe")
        assert len(yusuf.page._page.versions) == 1

        bigger = grow_pdf(OTHER, self.folder / "bigger.pdf", b"y" * BIG_BYTES)
        await yusuf.click("handin.again")
        await self._choose_and_submit(yusuf, bigger)
        await self.school.kill(seat)
        yusuf.shell.close_shell()  # the app is gone as well: nothing is put away in order
        yusuf.window.hide()
        await self.school.restart(seat)
        again = self.sit(seat.name)
        await again.sign_in("yusuf")
        session = again.session
        card = next(iter(await submit.unfinished(session)), None)
        assert card is None, "the hand-in had been saved before the kill"
        await again.click("nav.grades")
        await again.settle()
        await again.click("grades.open")
        await again.reads("Version 2")
        await again.reads("RECEIPT")
        versions = again.page._page.versions
        assert [version.number for version in versions] == [2, 1]
        data, _ = await submit.open_version(session, version=versions[0])
        assert hashlib.sha256(data).hexdigest() == sha256(bigger), "what the class holds is not the file"
        await again.leave()
        await yusuf.leave()

    async def grade(self) -> None:
        """Step 6: the instructor on C grades, releases and corrects; the students see it."""
        omar = self.sit("C")
        await omar.sign_in("omar")
        await omar.click_row(TITLE)
        rows = {row.name: row for row in omar.page.list.rows.rows}
        assert not rows["Zofia Nowak"].versions
        assert len(rows["Yusuf Demir"].versions) == 2
        await until(lambda: omar.page.reader.pages > 0, "the first work")
        for name, points, feedback in (
            ("Mia Larsen", "17.5", "Every step is shown."),
            ("Yusuf Demir", "12", "Say why the loop ends."),
            ("Zofia Nowak", "0", "Nothing was handed in."),
        ):
            while omar.page._row.name != name:
                await omar.keys("j")
                await omar.settle()
            await omar.keys("g")
            await until(omar.page.form.points.hasFocus, "the focus in the points")
            await omar.type(points)
            await omar.keys("Tab")
            await omar.type(feedback)
            form = omar.page.form
            await until(lambda form=form, text=feedback: form.feedback.toPlainText() == text, "the feedback")
            await omar.keys("Escape")
        await omar.settle()

        mia = self.sit("B")
        await mia.sign_in("mia")
        assert "New feedback" not in mia.texts(), "drafts are not seen"
        await omar.front()
        await omar.click("grading.release")
        await omar.reads("3 will see their grade at once, 0 held.")
        await omar.click("release.ok")
        await until(
            lambda: all(row.state == GradeState.RELEASED for row in omar.page.list.rows.rows), "all released"
        )
        await mia.front()
        await until(lambda: mia.shell.badges["grades"].text() == "1", "the unread badge")
        await mia.click("nav.grades")
        await mia.reads("17.5 of 20")
        await mia.reads("Every step is shown.")
        await until(lambda: not mia.shell.badges["grades"].isVisible(), "the badge gone")

        await omar.front()
        while omar.page._row.name != "Mia Larsen":
            await omar.click_on(omar.page.list)
            await omar.keys("k")
            await omar.settle()
        await omar.fill("grading.points", "19")
        await omar.click("grading.correct")
        await omar.click("correction.ok")
        await mia.front()
        await mia.reads("19 of 20")
        await mia.reads("17.5 points")
        await mia.reads("19 points")

    async def _tab(self, hand: Hand, number: int) -> None:
        bar = hand.page._tabs.tabBar()
        place = bar.mapToGlobal(bar.tabRect(number).center())
        await xdotool("mousemove", str(place.x()), str(place.y()), "click", "1")
        await until(lambda: hand.page._tabs.currentIndex() == number, f"tab {number}")

    async def _front_dialog(self, hand: Hand, name: str) -> None:
        dialog = await hand.find(name)
        assert isinstance(dialog, QDialog)
        dialog.activateWindow()
        await until(dialog.isActiveWindow, name)

    async def _start_hand_in(self, hand: Hand, path: Path) -> None:
        await hand.click_row(TITLE)
        await self._choose_and_submit(hand, path)

    async def _choose_and_submit(self, hand: Hand, path: Path) -> None:
        """Hand in, and return while the upload is under way."""
        await hand.click("handin.drop.choose")
        await hand.choose_file(path)
        await hand.front()
        await hand.click("handin.submit")
        panel = hand.page.hand_in
        await until(lambda: panel._following is not None, "the hand-in saved here")
        assert panel.progress.reached < 3, "the upload ended before it could be disturbed"

    async def _leader(self) -> Seat:
        for seat in self.school.seats:
            if (await seat.status()).role == "leader":
                return seat
        raise AssertionError("no machine leads")

    async def all(self) -> None:
        """Every step, with its time."""
        try:
            for step in (self.prepare, self.set_work, self.hand_in, self.leader_dies, self.grade):
                began = time.monotonic()
                await step()
                print(
                    f"{time.monotonic() - began:5.1f} s  {(step.__doc__ or '').splitlines()[0]}", flush=True
                )
        finally:
            for hand in self._hands:
                if hand.window.session is not None:
                    await hand.leave()
            await asyncio.to_thread(self.school.close)


def main(arguments: list[str]) -> int:
    """Run from the command line; returns the exit status."""
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    prepare(app)
    theme.apply("light")
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(Play(Path(arguments[0])).all())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
