"""Heuristics: one file per rule, each a frozen dataclass of knobs and one kernel that chooses."""
