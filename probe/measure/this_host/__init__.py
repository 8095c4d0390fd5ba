"""What this host shows of its ways out, and what references publish."""
