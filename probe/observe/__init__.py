"""What numbers an observation holds: pure arithmetic, no opinion."""
