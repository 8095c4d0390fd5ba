"""What a running daemon has beside its rooms: judging, the nation, reloads, the service manager."""
