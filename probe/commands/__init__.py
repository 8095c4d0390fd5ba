"""Commands that are more than a few lines; ``probe/cli.py`` has the others."""
