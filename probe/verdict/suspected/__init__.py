"""What is suspected: how a suspicion begins, lives and ends. Pure."""
