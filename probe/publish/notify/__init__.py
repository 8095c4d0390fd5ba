"""Notifications: what is told to people elsewhere, and how it gets there."""
