"""What ``run`` says first, until the operator has said that they know it."""

from __future__ import annotations

RISK = (
    "Whoever runs your network can see that this machine measures, and in some countries that can "
    "be held against you.\n"
    "It contacts the hosts that `throttlewatch platforms` lists, from your line and in your name: "
    "read docs/safety.md, then set acknowledge_risks: true to silence this."
)
