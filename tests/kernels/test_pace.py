"""Which way a list of calls is made: the faster one, soon after it has become so, and hardly ever the other one."""

import itertools

import numpy as np
import pytest

from backprop.kernels.cpu.team.pace import Pace


def made(pace, together, alone, lists):
    """(seconds in all, how many lists were made together) where a list takes so many seconds, or such a series."""
    times = {True: itertools.cycle(np.ravel(together)), False: itertools.cycle(np.ravel(alone))}
    seconds, count = 0.0, 0
    for _ in range(lists):
        way = pace.choose()
        took = next(times[way])
        pace.took(took)
        seconds, count = seconds + took, count + way
    return seconds, count


@pytest.mark.parametrize(
    ("together", "alone"), [(1.0, 1.9), (1.0, 1.1), (1.05, 1.0), (3.0, 1.0), ([0.6] * 9 + [20], 1.0)]
)
def test_the_faster_way_is_taken_and_trying_the_other_one_costs_little(together, alone):
    best = min(np.mean(together), np.mean(alone))
    seconds, _ = made(Pace(), together, alone, 2000)
    assert seconds < 2000 * best * 1.06


def test_when_the_machine_becomes_busy_and_quiet_again_the_way_changes():
    pace = Pace()
    made(pace, 1.0, 1.9, 1000)
    seconds, count = made(pace, 6.0, 1.9, 200)
    assert count < 30 and seconds < 200 * 1.9 * 1.3
    _, count = made(pace, 1.0, 1.9, 1000)
    assert count > 500
