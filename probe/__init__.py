"""throttlewatch: measure whether a platform is being throttled, and prove it.

The package is a house of rooms with one direction of flow::

    config -> schedule -> measure -> observe -> verdict -> nation -> publish

Input and output live at the two ends; what stands between takes values and returns values.
"""

__version__ = "0.2.0"
