"""The fusion of ``probe/nation/`` as Prometheus rules for a fleet, from the same configuration."""
