"""What one ordinary round says, read once. Pure."""
