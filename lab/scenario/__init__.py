"""Scenarios on real packets: the box, the world and the daemon told what a scenario says."""
