"""HTTP on a connection: one request, one answer, within bounds."""
