"""The beacon: a group's own neutral server, to be measured against. A program of its own."""
