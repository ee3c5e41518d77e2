"""The tests of Tidegate; `reference/` holds the plain-Python simulator that the kernel is compared with."""
