"""How policies fare, unchanged, in worlds that are other than the one they were made for."""
