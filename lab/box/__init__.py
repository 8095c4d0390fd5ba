"""The in-line box: a line and a censor between the client's and the world's namespaces."""
