"""A report of some days for people: one file of HTML, made from the history in one pass.

``gather`` reads rounds and keeps what a report needs of them, ``story`` says it in words, ``draw``
makes the pictures, ``render`` fills the templates. Only ``gather`` sees rounds, so its memory is
that of the pictures, not of the history.
"""
