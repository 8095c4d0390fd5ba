"""When to measure, and how much: pure plans, and one runner on top of APScheduler."""
