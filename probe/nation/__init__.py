"""From the verdicts of many vantages to findings about a country. Pure: time is an argument."""
