"""The log: how an event is written."""
