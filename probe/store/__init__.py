"""The history on disk: what was measured survives the process, the power and the network."""
