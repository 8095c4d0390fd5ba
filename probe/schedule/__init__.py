"""When to measure, and how much: pure plans, and one runner on the event loop's timers."""
