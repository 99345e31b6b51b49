"""The school's domain: what may be said, by whom, and what it changes.

No Qt, no sockets, no clock, no randomness. SQLite by the connection that a caller hands in.
"""
