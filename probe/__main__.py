"""``python -m probe`` is ``throttlewatch``."""

from probe.cli import main

main()
