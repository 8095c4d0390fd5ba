"""Where names lead: look-ups as the host makes them, and what resolvers send."""
