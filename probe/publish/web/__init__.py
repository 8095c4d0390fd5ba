"""The server and its pages: who is let in, what is answered."""
