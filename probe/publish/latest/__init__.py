"""What is known just now: the board, what it shows at one moment, and what it counted."""
