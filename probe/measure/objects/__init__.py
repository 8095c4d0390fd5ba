"""What a target reads just now: its candidates, pages and links."""
