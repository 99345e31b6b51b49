"""Files of the school beside the ledger: stored by hash, fetched from other machines, kept where they
must be.
"""
