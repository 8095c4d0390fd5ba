"""Bursts: many legs of what is suspected and of controls, in one random order."""
