"""What a signed-in person can do: the session, the local link, and one module of actions per area."""
