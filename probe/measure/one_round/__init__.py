"""One round: which legs it has, in which order, and whose turn it is."""
