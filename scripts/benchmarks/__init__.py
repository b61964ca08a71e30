"""Benchmarks in which the rivals take turns. `scripts/bench.py` is their command.

workload    what is measured: sizes, data and networks, as NumPy arrays, the same for all players
players/    who is measured: each does the same work by its own means, in a process of its own
turns       the race: first the numbers are compared, then the players are timed in turns
report      tables, JSON and pictures
"""
