"""Benchmarks in which the rivals take turns. `scripts/bench.py` is their command.

workload    what is measured: sizes, data and networks, as NumPy arrays that all players are given alike
players/    who is measured: each plays the same work by its own means, in a process of its own
turns       the race: same numbers first, then time, one after the other, again and again
report      tables, JSON and pictures
"""
