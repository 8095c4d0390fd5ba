"""What may be written anywhere: of the configuration, of a round, of an event."""
