"""What is remembered between rounds, and by which keys. Pure."""
