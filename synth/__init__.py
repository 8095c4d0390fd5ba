"""A world made of numbers: what measuring has to see on bad lines, with and without a censor.

Pure and seeded. A year of rounds takes a minute or two, so that the rates of rare errors can be
counted. ``lab`` shows the same things with real packets, a few times.

It is meant to be harsher than reality: every line, edge and resolver has troubles of its own, and
they last from one round to months.
"""
