"""A mini-batch: its rows are fetched and scaled in one pass, its correct predictions counted."""


def gather(source, index, scale, out):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type, index (K,), out (K, F)"""
    out[...] = source[index] * out.dtype.type(scale)


def count_correct(scores, y, ignore, out):
    """out (2,) = how many vectors along C of scores (B, C, D) have their first largest entry at y (B, D), and how many
    there are; those whose label is `ignore` count in neither
    """
    counts = y != ignore
    out[...] = (counts & (scores.real.argmax(axis=1) == y)).sum() if scores.size else 0, counts.sum()


def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    out += 1
