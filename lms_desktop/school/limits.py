"""Every limit on what people write, in one place. Lengths are in characters unless the name says bytes."""

NAME = 200
USERNAME = 64
TITLE = 200
COURSE_CODE = 40
TEXT = 20_000
TEXT_BYTES = 60_000
FILE_NAME = 200
HOST = 253
ZONE = 64

POINTS = 1_000_000
"""Points possible, in hundredths of a point: ten thousand points."""

FILE_BYTES = 200_000_000
"""The largest file that the app takes unless the school sets another limit."""
FILE_BYTES_MAX = 1 << 32
SUBMISSIONS_BYTES = 20_000_000_000
"""What all submissions of one student together may take, on every keeper: a hundred of the largest files."""
PAGES = 100_000

SLOT_BYTES = 256
WRAPPED_BYTES = 2_048
BOX_BYTES = 60_200
"""A sealed text of ``TEXT_BYTES`` with what sealing adds."""

STUDENTS_AT_ONCE = 2_000
GRADES_AT_ONCE = 300
STAFF = 100
TOKEN_USES = 1_000

CONVERSATION_BYTES = 16
ASKS_PER_HOUR = 60
"""How many questions a student may put to the tutor in an hour unless staff say otherwise."""
ASKS_PER_HOUR_MAX = 1_000
EXCHANGES = 2_000
"""Exchanges with the tutor that one person may keep in one course."""
REASON = 200
QUESTIONS = 500
"""Questions of one student to the instructors of one course, and how many one query answers."""
POSTS = 200
"""What the student who asked may add to one question; replies are not counted."""
POST = 8_000
POST_BYTES = 30_000
CITATIONS = 8
QUOTE = 800
EXCHANGES_AT_ONCE = 100
"""Rows that one query of exchanges answers: each may have a box of the largest size."""

STAMP = 253_370_764_799_999
"""The last millisecond of the year 9998, UTC: a calendar can show it in every zone."""
NUMBER = (1 << 63) - 1
