"""TLS on a connection: whom we believe, and what a certificate shows."""
