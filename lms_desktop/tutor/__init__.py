"""The tutor, a process of its own: reads the courses' documents, judges what is asked, answers from them."""
