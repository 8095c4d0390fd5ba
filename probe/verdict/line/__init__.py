"""What is so of the line and of other sites, and not of a platform. Pure."""
