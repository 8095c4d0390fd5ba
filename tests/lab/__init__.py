"""Tests of the laboratory.

Until 0.1 it was itself in here; programs that were written for it (``from tests.lab.lab import
Lab``) find it under that name as well.
"""

from pathlib import Path

__path__.append(str(Path(__file__).parents[2] / "lab"))
