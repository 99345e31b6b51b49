"""What a signed-in person can do: the session, the local link to the node, and one module of actions per area."""
