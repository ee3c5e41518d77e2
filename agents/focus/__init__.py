"""The bill of an episode as a FOCUS 1.2 cost and usage export (docs/focus.md)."""
