"""Golden histories: rounds that are kept, and what is said of each of them."""
