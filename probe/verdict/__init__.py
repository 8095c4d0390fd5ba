"""What the observations mean. Pure."""
