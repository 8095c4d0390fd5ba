"""The law of a throttle: what experiments find, and which is next. Pure."""
