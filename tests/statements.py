"""What the tests of the threat model's statements share: a small class, its disk, and the defence switched
off."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lms_desktop.node import identity
from lms_desktop.node.ledger import Ledger
from lms_desktop.node.storage import Storage
from lms_desktop.school.commands import GradeDraft, Role, Submission
from tests import disk_scan
from tests.node.ledger_kit import Author, School


class Class(School):
    """A school with a teacher, two students, and a course with an assignment."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.store_admin_keys()
        self.teacher = self.add_person("teacher", Role.INSTRUCTOR, 3)
        self.alice = self.add_person("alice", Role.STUDENT, 5)
        self.bob = self.add_person("bob", Role.STUDENT, 7)
        self.course, self.course_key = self.create_course(self.teacher, [self.alice, self.bob])
        self.assignment = self.publish_assignment(self.teacher, self.course)

    def grade(self, grader: Author, student: Author, content: bytes) -> GradeDraft:
        return self.draft(grader, self.course, self.assignment, student.number, self.course_key, content)

    def hand_in(self, student: Author, details: bytes) -> tuple[Submission, int]:
        """A committed submission of the student, and its reference."""
        command = self.submission(student, self.course, self.assignment, self.course_key, details, 2)
        return command, self.do(student, command)


def fails_without(scenario: Callable[[], None], why: str) -> None:
    """The scenario must fail, the defence being off, and for this reason."""
    with pytest.raises(AssertionError, match=why):
        scenario()


def seen_on_disk(folder: Path, school: Class, secrets: Mapping[str, bytes]) -> list[str]:
    """Which secrets any file shows of a real data folder, as a student's machine has it: those given, and
    everybody's private keys. Looks at the files of a running node, and again when it has stopped."""
    secrets = {
        **secrets,
        **{f"signing key of {person}": keys.signing.seed for person, keys in school.people.items()},
        **{f"sealing key of {person}": keys.sealing.seed for person, keys in school.people.items()},
        "the course's key": school.course_key.seed,
        "the recovery key": school.recovery.seed,
    }
    machine = identity.start(folder, traits=())
    storage = Storage.open(folder)
    replica = Ledger(storage.db)
    storage.write(None, None, school.entries)
    outcomes = replica.apply(school.entries)
    storage.commit()
    assert {outcome.code for outcome in outcomes} == {0}
    seen = disk_scan.found(folder, secrets)
    replica.close()
    storage.close()
    assert disk_scan.found(folder, {"the machine's own key": machine.signing.seed}), "the scan sees nothing"
    return sorted(seen | disk_scan.found(folder, secrets))
