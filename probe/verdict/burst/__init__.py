"""What a burst says, and which burst is next. Pure."""
