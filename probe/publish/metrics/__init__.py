"""The last results as Prometheus metrics: what is declared, and how it is written."""
