"""Other languages: English text is read by its forms, and said in a catalog's words."""
