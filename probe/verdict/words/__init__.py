"""The sentences that a person may quote. Pure."""
