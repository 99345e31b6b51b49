"""The node: one process per machine that keeps the school's ledger together with the other machines."""
