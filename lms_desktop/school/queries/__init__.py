"""What the screens ask: each query is a function of the database and wire values that answers rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lms_desktop.school.queries import audit, courses, files, people, questions, today, tutor, work
from lms_desktop.school.queries.rows import Row


class Query(NamedTuple):
    """A query by name: ``run(db, *arguments)`` answers rows of type ``row``."""

    run: Callable[..., Sequence[Row]]
    row: type[Row]
    arguments: tuple[type[Any], ...]


QUERIES: dict[str, Query] = {
    "school": Query(people.school, people.SchoolRow, ()),
    "people": Query(people.people, people.PersonRow, ()),
    "person": Query(people.person, people.PersonRow, (int,)),
    "sign_in": Query(people.sign_in, people.KeysRow, (str,)),
    "keys": Query(people.keys, people.KeysRow, (int,)),
    "invitations": Query(people.invitations, people.InvitationRow, ()),
    "invitation": Query(people.invitation, people.InvitationRow, (bytes,)),
    "machines": Query(people.machines, people.MachineRow, ()),
    "tokens": Query(people.tokens, people.TokenRow, ()),
    "signing_keys": Query(people.signing_keys, people.SigningKeyRow, (int,)),
    "courses": Query(courses.courses, courses.CourseRow, (int,)),
    "course": Query(courses.course, courses.CourseRow, (int, int)),
    "members": Query(courses.members, courses.MemberRow, (int,)),
    "generations": Query(courses.generations, courses.GenerationRow, (int,)),
    "staff_slots": Query(courses.staff_slots, courses.StaffSlotRow, (int, int)),
    "materials": Query(courses.materials, courses.MaterialRow, (int, int)),
    "material": Query(courses.material, courses.MaterialRow, (int, int)),
    "course_revisions": Query(courses.course_revisions, courses.CourseRevisionRow, (int,)),
    "material_revisions": Query(courses.material_revisions, courses.MaterialRevisionRow, (int,)),
    "assignments": Query(work.assignments, work.AssignmentRow, (int,)),
    "assignment": Query(work.assignment, work.AssignmentRow, (int,)),
    "assignment_revisions": Query(work.assignment_revisions, work.AssignmentRevisionRow, (int,)),
    "student_standings": Query(work.student_standings, work.StandingRow, (int,)),
    "student_standing": Query(work.student_standing, work.StandingRow, (int, int)),
    "assignment_standings": Query(work.assignment_standings, work.StandingRow, (int,)),
    "course_standings": Query(work.course_standings, work.StandingRow, (int,)),
    "submissions": Query(work.submissions, work.SubmissionRow, (int, int)),
    "assignment_submissions": Query(work.assignment_submissions, work.SubmissionRow, (int,)),
    "submission": Query(work.submission, work.SubmissionRow, (int,)),
    "grade_history": Query(work.grade_history, work.GradeRow, (int, int)),
    "released_history": Query(work.released_history, work.GradeRow, (int, int)),
    "assignment_grades": Query(work.assignment_grades, work.GradeRow, (int,)),
    "course_grades": Query(work.course_grades, work.GradeRow, (int,)),
    "student_grades": Query(work.student_grades, work.GradeRow, (int,)),
    "extensions": Query(work.extensions, work.ExtensionRow, (int,)),
    "due": Query(today.due, today.DueRow, (int, int)),
    "feedback": Query(today.feedback, today.FeedbackRow, (int,)),
    "new_materials": Query(today.new_materials, today.NewMaterialRow, (int,)),
    "my_progress": Query(today.my_progress, today.ProgressRow, (int,)),
    "course_progress": Query(today.course_progress, today.ProgressRow, (int,)),
    "to_grade": Query(today.to_grade, today.ToGradeRow, (int, int)),
    "missing": Query(today.missing, today.MissingRow, (int, int)),
    "tutor_settings": Query(tutor.tutor_settings, tutor.TutorSettingRow, (int,)),
    "tutor_setting": Query(tutor.tutor_setting, tutor.TutorStateRow, (int, int, int)),
    "exchanges": Query(tutor.exchanges, tutor.ExchangeRow, (int, int)),
    "my_exchanges": Query(tutor.my_exchanges, tutor.ExchangeRow, (int, int, int)),
    "conversation": Query(tutor.conversation, tutor.ExchangeRow, (bytes,)),
    "course_documents": Query(tutor.course_documents, tutor.DocumentRow, (int,)),
    "gpu_hosts": Query(tutor.gpu_hosts, tutor.GpuHostRow, ()),
    "questions": Query(questions.questions, questions.QuestionRow, (int,)),
    "my_questions": Query(questions.my_questions, questions.QuestionRow, (int,)),
    "question": Query(questions.question, questions.QuestionRow, (int,)),
    "posts": Query(questions.posts, questions.PostRow, (int,)),
    "class_answers": Query(questions.class_answers, questions.ClassAnswerRow, (int, int)),
    "question_counts": Query(questions.question_counts, questions.CountsRow, (int,)),
    "unanswered": Query(questions.unanswered, questions.UnansweredRow, (int,)),
    "replies": Query(questions.replies, questions.ReplyRow, (int,)),
    "material_manifests": Query(files.material_manifests, files.MaterialManifestRow, ()),
    "submission_manifests": Query(files.submission_manifests, files.SubmissionManifestRow, (int,)),
    "keepers": Query(files.keepers, files.KeeperRow, ()),
    "audit": Query(audit.audit, audit.AuditRow, (int, int)),
}
"""Every query by its name on the local link."""

__all__ = ["QUERIES", "Query", "Row"]
