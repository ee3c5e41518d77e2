"""Kernels: the world as Numba runs it, and what a router may see of it. NumPy and Numba only."""
