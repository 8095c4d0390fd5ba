"""A day like 20 January 2024 on loopback: real servers, a real relay that really slows names down.

Nothing here measures. The daemon that does is the ordinary one; it is only told, by an ordinary
configuration, that the platforms live at loopback addresses. ``cast`` says who plays, ``script``
what happens when, ``relay`` is the wire between a vantage and the servers, and ``stage`` runs both
in a process of its own, so that the far end never holds up the clock of the near one.
"""
