"""Consensus as a pure state machine: no clock, no disk, no sockets. `core` says how to drive it."""
