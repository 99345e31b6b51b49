"""The node's part in the tutor: its worker process, whose question may be asked, and where it is answered."""
