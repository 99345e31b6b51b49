"""The audit in words: who did what, and who tried what they may not."""

from typing import NamedTuple

from lms_desktop.school import commands as c
from lms_desktop.school import outcomes


class Words(NamedTuple):
    """How a kind of command is told: ``done`` takes the names, ``tried`` stands alone, because what a
    refused command says about itself proves nothing."""

    done: str
    tried: str


_WORDS: dict[int, Words] = {
    c.WrappedKeysSet.KIND: Words("stored their keys under a new passphrase", "store keys"),
    c.PersonAdd.KIND: Words("added {person} with the login {subject}", "add a person"),
    c.PersonInvite.KIND: Words("made a new invitation for {person}", "make an invitation"),
    c.InvitationAccept.KIND: Words("was used by {person}, who made their keys", "use an invitation"),
    c.PersonSetActive.KIND: Words(
        "switched the account of {person} {subject}", "switch a person's account on or off"
    ),
    c.TokenAdd.KIND: Words(
        "made the provisioning token “{subject}” for {machines}", "make a provisioning token"
    ),
    c.TokenRevoke.KIND: Words("revoked the provisioning token “{subject}”", "revoke a provisioning token"),
    c.MachineJoin.KIND: Words("admitted the machine {subject}", "admit a machine"),
    c.MachineSet.KIND: Words("changed the machine {subject}", "change a machine"),
    c.MachineAddress.KIND: Words("is reached at {subject}", "change its address"),
    c.CourseCreate.KIND: Words("created the course “{course}”", "create a course"),
    c.CourseEdit.KIND: Words("edited the course “{course}”", "edit a course"),
    c.CourseArchive.KIND: Words("{subject} the course “{course}”", "archive or restore a course"),
    c.CourseStaff.KIND: Words(
        "renewed the keys and the staff of “{course}”: {people}", "change a course's staff"
    ),
    c.CourseEnrol.KIND: Words("enrolled {students} in “{course}”", "enrol students"),
    c.CourseUnenrol.KIND: Words("took {students} out of “{course}”", "take students out of a course"),
    c.MaterialPublish.KIND: Words("published the material “{subject}” in “{course}”", "publish a material"),
    c.MaterialEdit.KIND: Words("edited the material “{subject}” in “{course}”", "edit a material"),
    c.MaterialArchive.KIND: Words("{subject} in “{course}”", "archive or restore a material"),
    c.AssignmentPublish.KIND: Words(
        "published the assignment “{subject}” in “{course}”", "publish an assignment"
    ),
    c.AssignmentEdit.KIND: Words("edited the assignment “{subject}” in “{course}”", "edit an assignment"),
    c.AssignmentArchive.KIND: Words("{subject} in “{course}”", "archive or restore an assignment"),
    c.Extension.KIND: Words(
        "changed the due time of {person} for “{subject}” in “{course}”", "give an extension"
    ),
    c.Submission.KIND: Words("handed in version {count} of “{subject}” in “{course}”", "hand in work"),
    c.GradeDraft.KIND: Words("drafted a grade of {person} for “{subject}” in “{course}”", "draft a grade"),
    c.GradeRelease.KIND: Words("released {grades} of “{subject}” in “{course}”", "release grades"),
    c.GradeCorrect.KIND: Words(
        "corrected the grade of {person} for “{subject}” in “{course}”", "correct a grade"
    ),
    c.MaterialRead.KIND: Words("read “{subject}” in “{course}”", "mark a material as read"),
    c.GradeSeen.KIND: Words("saw their grade for “{subject}” in “{course}”", "mark a grade as seen"),
    c.TutorSet.KIND: Words("{subject} in “{course}”", "change the tutor's settings"),
    c.TutorExchange.KIND: Words("asked the tutor in “{course}”", "keep an answer of the tutor"),
    c.QuestionAsk.KIND: Words("asked the instructors of “{course}” a question", "ask the instructors"),
    c.QuestionPost.KIND: Words("{subject} in “{course}”", "write to a question"),
    c.QuestionSettle.KIND: Words("{subject} in “{course}”", "say that a question needs no reply"),
    c.ClassAnswer.KIND: Words("answered “{subject}” for the class in “{course}”", "answer the class"),
    c.QuestionSeen.KIND: Words("read a reply", "mark a reply as read"),
    c.Void.KIND: Words("took back something that had not been accepted", "take something back"),
    c.RulesRaise.KIND: Words("raised the school's rules to version {count}", "raise the school's rules"),
}

_NOUNS = ("machine", "student", "grade")


def tell(
    who: str, kind: int, code: int, *, course: str = "", person: str = "", count: int = 0, subject: str = ""
) -> str:
    """The sentence of one row of the audit. Names are plain text, however they are written."""
    words = _WORDS.get(kind)
    if code != outcomes.Outcome.ACCEPTED:
        tried = words.tried if words else f"do something that this version does not know (kind {kind})"
        return f"{who} tried to {tried}. Refused: {outcomes.sentence(code)}"
    if words is None:
        return f"{who} did something that this version does not know (kind {kind})."
    counted = {noun + "s": f"{count} {noun}{'' if count == 1 else 's'}" for noun in _NOUNS}
    people = "1 person" if count == 1 else f"{count} people"
    done = words.done.format(
        course=course, person=person, count=count, subject=subject, people=people, **counted
    )
    return f"{who} {done}."
