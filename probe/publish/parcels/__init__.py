"""Rounds on their way to a hub, and as it keeps them."""
