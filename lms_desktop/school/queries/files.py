"""Which files the machines must hold."""

from __future__ import annotations

from dataclasses import dataclass

from lms_desktop.school.queries.rows import Database, Row, rows


@dataclass(frozen=True, slots=True)
class MaterialManifestRow(Row):
    """A clear file that every machine holds."""

    manifest: bytes


@dataclass(frozen=True, slots=True)
class SubmissionManifestRow(Row):
    """A sealed file that every keeper holds; ``machine`` made it, ``position`` is its ledger index."""

    manifest: bytes
    machine: int
    position: int


@dataclass(frozen=True, slots=True)
class KeeperRow(Row):
    """A machine tagged as keeper and not retired."""

    machine: int


def material_manifests(db: Database) -> list[MaterialManifestRow]:
    """Materials and assignments' files, in the order of publishing: earlier revisions and archived ones too,
    because their history can still be opened."""
    return rows(
        MaterialManifestRow,
        db.execute(
            """
            SELECT manifest FROM (
                SELECT manifest, position FROM school_material_revisions
                UNION ALL
                SELECT manifest, position FROM school_assignment_revisions WHERE manifest IS NOT NULL)
            GROUP BY manifest ORDER BY min(position)
            """
        ),
    )


def submission_manifests(db: Database, after: int = 0) -> list[SubmissionManifestRow]:
    """Every submission's file whose ledger index is above ``after``, in the ledger's order."""
    return rows(
        SubmissionManifestRow,
        db.execute(
            "SELECT manifest, machine, position FROM school_submissions WHERE position > ? ORDER BY position",
            (after,),
        ),
    )


def keepers(db: Database) -> list[KeeperRow]:
    """The machines that hold every submission."""
    return rows(
        KeeperRow,
        db.execute(
            "SELECT m.machine FROM school_machines m JOIN school_principals q ON q.number = m.machine "
            "WHERE m.keeper AND q.active ORDER BY m.machine"
        ),
    )


def submission_keepers(db: Database, submission: int) -> list[KeeperRow]:
    """The keepers whose tickets were counted when a submission was accepted."""
    return rows(
        KeeperRow,
        db.execute(
            "SELECT keeper FROM school_submission_keepers WHERE submission = ? ORDER BY keeper", (submission,)
        ),
    )
