"""LMS Desktop: a learning management system for a computer lab that has no server."""

__version__ = "0.1.0"
