"""throttlewatch: measure whether a platform is being throttled, and prove it.

The package is a house of rooms with one direction of flow::

    config -> schedule -> measure -> observe -> verdict -> nation -> publish

Input and output live at the two ends; what stands between takes values and returns values.
"""

import sys

# httpx has a command line of its own, which comes with a terminal library and a highlighter: 3 MB
# in a process that lives for months. It does without where the module cannot be had.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

__version__ = "0.1.0"
