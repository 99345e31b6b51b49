"""The tutor: reading the course's documents, judging what is asked, answering from them; a process of its own."""
