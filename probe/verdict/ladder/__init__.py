"""The rules in their order, the facts that they look at, and what they come to. Pure."""
