"""A TCP connection with its stamps: what came when, and what the kernel says of it."""
