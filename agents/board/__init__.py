"""What a run shows while it learns: plays of validation weeks, pictures of its decisions, and event files."""
