"""The real consensus core over a simulated disk, network and clock; `python -m tests.sim` runs many."""
