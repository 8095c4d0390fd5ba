"""What a running daemon has beside its rooms: reloads, the service manager, a watch on its line."""
