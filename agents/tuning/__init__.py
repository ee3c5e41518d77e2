"""Tuning of rules: the knobs that cost least on episodes of their own, searched with CMA-ES, kept in a file."""
