"""Who is told what happens, and in which order: one file for each, one line in ``order.py``."""
