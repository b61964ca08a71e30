"""A mini-batch: its rows fetched and scaled in one pass, its right answers counted."""


def gather(source, index, scale, out):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type, index (K,), out (K, F)"""
    out[...] = source[index] * out.dtype.type(scale)


def count_correct(scores, y, out):
    """out (1,) = how many rows of scores (N, C) have their first largest entry at y (N,)"""
    out[0] = (scores.argmax(axis=1) == y).sum()


def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    out += 1
