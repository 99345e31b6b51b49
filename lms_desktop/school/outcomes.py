"""What became of a command. The numbers are part of the format: never reused, never renumbered."""

from enum import IntEnum

from lms_desktop.school import limits


class Outcome(IntEnum):
    """0 is accepted; everything else is a refusal with a sentence for people."""

    ACCEPTED = 0

    # Found by the ledger, before the school is asked.
    MALFORMED = 1
    UNKNOWN_VERSION = 2
    UNKNOWN_AUTHOR = 3
    BAD_SIGNATURE = 4
    SEQ_GAP = 5
    SEQ_USED = 6
    TOO_FEW_TICKETS = 7
    UNKNOWN_KIND = 8
    INVALID = 9

    # Authority.
    WRONG_AUTHOR = 20
    AUTHOR_INACTIVE = 21
    NOT_ADMINISTRATOR = 22
    NOT_STAFF = 23
    NOT_ENROLLED = 24
    NOT_YOURS = 25
    NOT_IN_COURSE = 26

    # People and machines.
    UNKNOWN_PERSON = 40
    PERSON_INACTIVE = 41
    USERNAME_TAKEN = 42
    WRONG_ROLE = 43
    INVITATION_USED = 44
    INVITATION_NOT_FOR_PERSON = 45
    KEY_TAKEN = 46
    BAD_KEY_PROOF = 47
    LAST_ADMINISTRATOR = 48
    NOT_A_STUDENT = 49
    UNKNOWN_MACHINE = 60
    MACHINE_RETIRED = 61
    UNKNOWN_TOKEN = 62
    TOKEN_SPENT = 63
    TOKEN_EXPIRED = 64
    TOKEN_REVOKED = 65
    LAST_KEEPER = 66

    # Courses and what they hold.
    ALREADY_EXISTS = 80
    UNKNOWN_COURSE = 81
    COURSE_ARCHIVED = 82
    WRONG_GENERATION = 83
    STAFF_MISMATCH = 84
    UNKNOWN_MATERIAL = 85
    UNKNOWN_ASSIGNMENT = 86
    ASSIGNMENT_ARCHIVED = 87
    UNKNOWN_REVISION = 88
    UNKNOWN_SUBMISSION = 89
    UNKNOWN_GRADE = 90
    ALREADY_RELEASED = 91
    NOT_RELEASED = 92
    EXTENSION_TOO_EARLY = 93
    MATERIAL_ARCHIVED = 94
    DUPLICATE = 95
    DRAFT_FOR_STUDENT = 96
    NOT_CURRENT = 97
    WRONG_KEY = 98
    TOO_MUCH_WORK = 99

    # The school.
    RULES_NOT_RAISED = 120

    # The tutor and the questions.
    EMPTY_SPAN = 140
    TOO_MANY_EXCHANGES = 141
    UNKNOWN_QUESTION = 142
    TOO_MANY_QUESTIONS = 143
    TOO_MANY_POSTS = 144
    UNKNOWN_REPLY = 145

    @property
    def sentence(self) -> str:
        """What went wrong and what to do, in words for people."""
        return _SENTENCES[self]


NOT_CONSUMED = frozenset(
    {
        Outcome.MALFORMED,
        Outcome.UNKNOWN_VERSION,
        Outcome.UNKNOWN_AUTHOR,
        Outcome.BAD_SIGNATURE,
        Outcome.SEQ_GAP,
        Outcome.SEQ_USED,
        Outcome.TOO_FEW_TICKETS,
    }
)
"""Outcomes that leave the lane's next ``seq`` as it was. `MALFORMED` is an envelope that cannot be
read; a body that breaks its schema under a right signature is `INVALID`, and consumes."""


def sentence(code: int) -> str:
    """The sentence for a code that may come from a newer program."""
    try:
        return Outcome(code).sentence
    except ValueError:
        return f"The class refused this (reason {code}). Update LMS Desktop to see why."


_SENTENCES: dict[Outcome, str] = {
    Outcome.ACCEPTED: "The class accepted this.",
    Outcome.MALFORMED: "This command is not written as it must be. Update LMS Desktop and try again.",
    Outcome.UNKNOWN_VERSION: "This command is of a format that the school does not use yet.",
    Outcome.UNKNOWN_AUTHOR: "The school does not know who signed this.",
    Outcome.BAD_SIGNATURE: "The signature is not its author's. Nothing was changed.",
    Outcome.SEQ_GAP: "An earlier command of this sign-in is still missing. It will be sent again.",
    Outcome.SEQ_USED: "Another command already took this place. Do it once more.",
    Outcome.TOO_FEW_TICKETS: "Too few keepers hold the file yet. It will be sent again.",
    Outcome.UNKNOWN_KIND: "The school's rules do not have this action. Ask an administrator to update.",
    Outcome.INVALID: "A part of this is missing or over its limit. Check what you entered.",
    Outcome.WRONG_AUTHOR: "This kind of action cannot come from this signer.",
    Outcome.AUTHOR_INACTIVE: "This account or machine has been switched off. Ask an administrator.",
    Outcome.NOT_ADMINISTRATOR: "Only an administrator may do this.",
    Outcome.NOT_STAFF: "Only an instructor of this course may do this.",
    Outcome.NOT_ENROLLED: "Only a student of this course may do this. Ask your instructor to enrol you.",
    Outcome.NOT_YOURS: "This belongs to someone else.",
    Outcome.NOT_IN_COURSE: "Only students and instructors of this course may do this.",
    Outcome.UNKNOWN_PERSON: "There is no such person in the school.",
    Outcome.PERSON_INACTIVE: "This person's account has been switched off.",
    Outcome.USERNAME_TAKEN: "Another person already has this login. Choose another.",
    Outcome.WRONG_ROLE: "This person does not have the role that this needs.",
    Outcome.INVITATION_USED: "This invitation has been used or replaced. Ask for a new slip.",
    Outcome.INVITATION_NOT_FOR_PERSON: "This invitation is for another person. Check the slip.",
    Outcome.KEY_TAKEN: "This key is already in use in the school.",
    Outcome.BAD_KEY_PROOF: "The new key did not sign for itself. Try again from the start.",
    Outcome.LAST_ADMINISTRATOR: "This is the school's last administrator. Add another first.",
    Outcome.NOT_A_STUDENT: "This person is not a student of this course.",
    Outcome.UNKNOWN_MACHINE: "There is no such machine in the school.",
    Outcome.MACHINE_RETIRED: "This machine has been taken out of the school.",
    Outcome.UNKNOWN_TOKEN: "There is no such provisioning token.",
    Outcome.TOKEN_SPENT: "This provisioning token has no uses left. Make a new provisioning file.",
    Outcome.TOKEN_EXPIRED: "This provisioning token has expired. Make a new provisioning file.",
    Outcome.TOKEN_REVOKED: "This provisioning token was revoked. Make a new provisioning file.",
    Outcome.LAST_KEEPER: "This is the last keeper. Make another machine a keeper first.",
    Outcome.ALREADY_EXISTS: "This already exists.",
    Outcome.UNKNOWN_COURSE: "There is no such course.",
    Outcome.COURSE_ARCHIVED: "This course is archived. Take it out of the archive first.",
    Outcome.WRONG_GENERATION: "The course's keys changed meanwhile. Open the course again and retry.",
    Outcome.STAFF_MISMATCH: "The new course keys do not fit the list of staff. Try again.",
    Outcome.UNKNOWN_MATERIAL: "There is no such material in this course.",
    Outcome.UNKNOWN_ASSIGNMENT: "There is no such assignment in this course.",
    Outcome.ASSIGNMENT_ARCHIVED: "This assignment is archived and takes nothing new.",
    Outcome.UNKNOWN_REVISION: "What this would replace does not exist. Open it again and retry.",
    Outcome.UNKNOWN_SUBMISSION: "There is no such submission for this assignment and student.",
    Outcome.UNKNOWN_GRADE: "There is no such grade for this assignment and student.",
    Outcome.ALREADY_RELEASED: "This grade was already released. Correct it instead.",
    Outcome.NOT_RELEASED: "This grade has not been released.",
    Outcome.EXTENSION_TOO_EARLY: "An extension must end after the assignment's due time.",
    Outcome.MATERIAL_ARCHIVED: "This material is archived.",
    Outcome.DUPLICATE: "The same entry is in the list twice.",
    Outcome.DRAFT_FOR_STUDENT: "A draft must not be readable by the student. Release it instead.",
    Outcome.NOT_CURRENT: "A newer grade was written meanwhile. Look at it before you release.",
    Outcome.WRONG_KEY: "This was sealed to a key that the person no longer has. Open it again and retry.",
    Outcome.TOO_MUCH_WORK: "Your files take all the room that one student may have. Ask an administrator.",
    Outcome.RULES_NOT_RAISED: "The school's rules can only be raised to the next version.",
    Outcome.EMPTY_SPAN: "The end must come after the start. Choose a later end.",
    Outcome.TOO_MANY_EXCHANGES: (
        f"You have kept {limits.EXCHANGES:,} questions to the tutor in this course, which is the most there "
        "can be. The tutor still answers, but its answers are no longer kept."
    ),
    Outcome.UNKNOWN_QUESTION: "There is no such question in this course.",
    Outcome.TOO_MANY_QUESTIONS: (
        f"You have asked {limits.QUESTIONS:,} questions in this course, which is the most there can be. "
        "Write again in one of them."
    ),
    Outcome.TOO_MANY_POSTS: "This question has as much from you as one can hold. Ask a new question.",
    Outcome.UNKNOWN_REPLY: "There is no such reply or answer.",
}
