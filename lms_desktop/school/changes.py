"""What an applied command changed, so that a view asks again only for what it shows."""

from enum import IntFlag


class Changes(IntFlag):
    """Areas of the school whose tables changed."""

    NOTHING = 0
    PEOPLE = 1
    COURSES = 2
    MATERIALS = 4
    ASSIGNMENTS = 8
    SUBMISSIONS = 16
    GRADES = 32
    PROGRESS = 64
    MACHINES = 128
    AUDIT = 256
    QUESTIONS = 512
    TUTOR = 1024
