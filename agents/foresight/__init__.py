"""Foresight: what becomes of a cluster as it is now, under several policies."""
