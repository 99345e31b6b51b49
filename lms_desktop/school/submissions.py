"""What a receipt's check needs of a submission, for whoever checks one: a node or `lms-desktop verify`."""

from lms_desktop.school.commands import CommandError
from lms_desktop.school.commands import Submission as SubmissionCommand
from lms_desktop.trust.envelope import Envelope
from lms_desktop.trust.errors import TrustError
from lms_desktop.trust.receipts import Submission


def read_submission(envelope: Envelope) -> Submission | None:
    """The submission in a verified envelope, None for another command or a body that breaks its schema."""
    if envelope.kind != SubmissionCommand.KIND:
        return None
    try:
        body = SubmissionCommand.from_body(envelope.decode_body())
    except (CommandError, TrustError):
        return None
    return Submission(body.file_commitment, body.machine)
