"""A mini-batch: its rows are fetched and scaled in one pass, its correct predictions counted."""

from backprop.kernels.cpu.kernel import exact_kernel, kernel
from backprop.kernels.cpu.parts import share


@kernel(of="out")
def gather(source, index, scale, out, part, parts):
    """out[k] = source[index[k]] * scale, source (N, F) of any real type: item k is row k"""
    factor = out.dtype.type(scale)
    for k in share(index.size, part, parts):
        row = index[k]
        for f in range(source.shape[1]):
            out[k, f] = source[row, f] * factor


@exact_kernel
def count_correct(scores, y, ignore, out):
    """out (2,) = how many vectors along C of scores (B, C, D) have their first largest entry at y (B, D), and how many
    there are; those whose label is `ignore` count in neither
    """
    out[0], out[1] = 0, 0
    for b in range(y.shape[0]):
        for d in range(y.shape[1]):
            if y[b, d] == ignore:
                continue
            best = 0
            for c in range(1, scores.shape[1]):
                if scores[b, c, d] > scores[b, best, d]:
                    best = c
            if best == y[b, d]:
                out[0] += 1
            out[1] += 1


@exact_kernel
def count_up(out):
    """out (1,) is increased by 1: one batch more"""
    out[0] += 1
