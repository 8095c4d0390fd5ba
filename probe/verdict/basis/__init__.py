"""What an accusation rests on, and what takes that basis away. Pure."""
