"""The hub: who takes part in a fleet, and a gate for what they send."""
