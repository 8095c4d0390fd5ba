"""``python -m probe`` is ``throttlewatch``."""

from probe.start import main

main()
