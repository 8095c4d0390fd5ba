"""One leg: from a declared leg to its observation."""
