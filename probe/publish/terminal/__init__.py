"""Rounds and verdicts as a person reads them in a terminal."""
