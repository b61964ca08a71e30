"""Entries along one axis, by their index: along an axis of images to pad it, along the rows of an embedding.  (26)

a is (B, H, D). Neighbours in the index that are neighbours in a, too, are a run, which is copied as a whole. Where most
runs are a single number, as of an image that is made larger, numbers are copied one by one.
"""

import numpy as np

from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.team.calls import scratch as scratch_memory
from backprop.kernels.cpu.views import scratch


def take(a, index, value, out):
    """out[b,i,d] = a[b, index[i], d], or `value` where index[i] is -1"""
    runs = scratch_memory((index.size + 1, 3), np.int64)
    find_runs(index, runs)
    copy_runs(a, index, runs, value, out)


@kernel
def find_runs(index, runs):
    """Each of runs[1:] is a run: where it begins in the index, its first entry, and how many it has; runs[0, 0] is how
    many runs there are. The -1 of a run are not counted on.
    """
    count = 0
    for i in range(index.size):
        if i > 0 and (index[i] == index[i - 1] + 1 and index[i - 1] >= 0 or index[i] < 0 and index[i - 1] < 0):
            runs[count, 2] += 1
        else:
            count += 1
            runs[count, 0], runs[count, 1], runs[count, 2] = i, index[i], 1
    runs[0, 0] = count


@kernel(of="out")
def copy_runs(a, index, runs, value, out, part, parts):
    """An item is one run of one b, or one b."""
    count, height, places, after = runs[0, 0], a.shape[1], out.shape[1], out.shape[2]
    single = after == 1 and 2 * count > places
    for b in share(out.shape[0] if single else 0, part, parts):
        row, copy = piece(a, b * height, height), piece(out, b * places, places)
        for i in range(places):
            copy[i] = row[index[i]] if index[i] >= 0 else value
    for item in share(0 if single else out.shape[0] * count, part, parts):
        b, run = item // count, 1 + item % count
        to, first, length = runs[run, 0], runs[run, 1], runs[run, 2]
        copy = piece(out, (b * places + to) * after, length * after)
        if first < 0:
            for k in range(copy.size):
                copy[k] = value
        else:
            entries = piece(a, (b * height + first) * after, copy.size)
            for k in range(copy.size):
                copy[k] = entries[k]


def take_backward(delta, index, out, accumulate):
    """out[b,h,d] = the sum of delta[b,i,d] over all i with index[i] = h"""
    if out.shape[0] > 1:
        runs = scratch_memory((index.size + 1, 3), np.int64)
        find_runs(index, runs)
        add_runs(delta, index, runs, out, accumulate)
    else:
        ends, places = scratch_memory((out.shape[1] + 2,), np.int64), scratch_memory(index.shape, np.int64)
        by_row(index, ends, places)
        add_up(delta, ends, places, out, accumulate)


@kernel
def add_runs(delta, index, runs, out, accumulate, part, parts):
    """The same for a padded image, of whose entries few have several copies: an item is one b"""
    height, places, after = out.shape[1], delta.shape[1], out.shape[2]
    for b in share(out.shape[0], part, parts):
        if not accumulate:
            whole = piece(out, b * height * after, height * after)
            for k in range(whole.size):
                whole[k] = 0
        if after == 1 and 2 * runs[0, 0] > places:
            whole, copy = piece(out, b * height, height), piece(delta, b * places, places)
            for i in range(places):
                if index[i] >= 0:
                    whole[index[i]] += copy[i]
            continue
        for run in range(1, 1 + runs[0, 0]):
            of, first, length = runs[run, 0], runs[run, 1], runs[run, 2]
            if first >= 0:
                entries = piece(out, (b * height + first) * after, length * after)
                copy = piece(delta, (b * places + of) * after, entries.size)
                for k in range(entries.size):
                    entries[k] += copy[k]


ENTRIES = 32  # entries d that are added up at a time: neighbours in memory


@kernel
def add_up(delta, ends, places, out, accumulate, part, parts):
    """The same for an embedding, whose rows may be used any number of times, at places[ends[h] : ends[h + 1]]: an item
    is one (b,h)
    """
    height, after, total = out.shape[1], out.shape[2], scratch(np.float64, ENTRIES)
    for row in share(out.shape[0] * height, part, parts):
        b, h = row // height, row % height
        for first in range(0, after, ENTRIES):
            entries = piece(out, row * after + first, min(ENTRIES, after - first))
            if ends[h] == ends[h + 1]:
                if not accumulate:
                    for d in range(entries.size):
                        entries[d] = 0
                continue
            for d in range(entries.size):
                total[d] = entries[d] if accumulate else 0.0
            for k in range(ends[h], ends[h + 1]):
                used = piece(delta, (b * delta.shape[1] + places[k]) * after + first, entries.size)
                for d in range(used.size):
                    total[d] += used[d]
            for d in range(entries.size):
                entries[d] = total[d]


@kernel
def by_row(index, ends, places):
    """The i with index[i] = h become places[ends[h] : ends[h + 1]], in their order, for h < len(ends) - 2"""
    height = ends.size - 2
    for h in range(ends.size):
        ends[h] = 0
    for i in range(index.size):
        if index[i] >= 0:
            ends[index[i] + 2] += 1
    for h in range(1, height + 1):
        ends[h + 1] += ends[h]
    for i in range(index.size):
        if index[i] >= 0:
            places[ends[index[i] + 1]] = i
            ends[index[i] + 1] += 1
