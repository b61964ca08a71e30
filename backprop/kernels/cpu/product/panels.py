"""Products with a recurrence's weights W (G H, H), the same in every step: h W^T forward, delta W backward.

W is copied once, for all steps, into panels of one register's columns. The rows of a product are a few sequences; its
sums stay in registers and are stored side by side in a small array, from which a cell's formulas take them.
"""

from backprop.kernels.cpu.elementary.traced import word
from backprop.kernels.cpu.jit import inner
from backprop.kernels.cpu.kernel import kernel
from backprop.kernels.cpu.parts import piece, share
from backprop.kernels.cpu.product.packed import pack
from backprop.kernels.cpu.simd import (
    LANES,
    REGISTERS,
    WIDTH,
    lanes,
    load,
    moved,
    outer,
    put_some,
    some_of,
    store,
    zeros,
)
from backprop.kernels.cpu.team.calls import scratch as memory
from backprop.kernels.cpu.views import scratch

TILE = REGISTERS // 4 * 3  # registers for the sums of a product
BACK = TILE // 3  # sequences that are taken together backward, with two panels at a time
SPACE = TILE * LANES

plus = word(lambda x, y: x + y, "plus")


def panels_of(w, gates, forward):
    """Panels [gate][units][k][unit] of W (G H, H), for h W^T; or [units][k][unit], for delta W."""
    size, depth = WIDTH // w.itemsize, w.shape[1] if forward else len(w)
    count = (gates if forward else 1) * -(-w.shape[1] // size)
    panels = memory((count * depth * size,), w.dtype)
    copy_panels(w, forward, panels)
    return panels


@kernel
def copy_panels(w, forward, panels, part, parts):
    """An item is a panel; beyond the last unit there are zeros."""
    rows, H, size = w.shape[0], w.shape[1], lanes(w)
    flat, blocks, depth = piece(w, 0, w.size), (H + size - 1) // size, H if forward else rows
    for panel in share(panels.size // (depth * size), part, parts):
        gate, n = panel // blocks, panel % blocks * size
        if forward:
            pack(flat, (gate * H + n) * H, 1, H, depth, min(size, H - n), panels, panel * depth * size, 1)
        else:
            pack(flat, n, H, 1, depth, min(size, H - n), panels, panel * depth * size, 1)


@inner
def products(several, rows, one, a, i, depth, count, panels, j, found):
    """found[r, v] = sum_k a[i + r depth + k] panels[j[v] + k lanes: ...] for r < count: all at once in `several`, a
    tile of zeros with `rows` rows, or, if there are fewer, one by one in `one`, which has one row
    """
    size, across = lanes(found), len(j) * lanes(found)
    if count == rows:
        for _ in range(depth):
            several = outer(several, a, i, depth, panels, j)
            i, j = i + 1, moved(j, size)
        store(several, found, 0, across)
    else:
        for r in range(count):
            sums = one
            for k in range(depth):
                sums = outer(sums, a, i + r * depth + k, depth, panels, moved(j, k * size))
            store(sums, found, r * across, across)


@inner
def send_back(delta_q, first, count, depth, panels, more, delta_h):
    """delta_h[n] = delta_q[n] W, or with `more` added to delta_h[n], of the sequences from the first one on; `depth` is
    G H
    """
    N, H = delta_h.shape
    found, size, flat = scratch(delta_h, SPACE), lanes(delta_h), piece(delta_q, 0, delta_q.size)
    last = (H - 1) // size * size
    for unit in range(0, H, 2 * size):
        j = unit * depth, min(unit + size, last) * depth
        blank = zeros(delta_h, BACK, 2), BACK, zeros(delta_h, 1, 2)
        products(*blank, flat, first * depth, depth, count, panels, j, found)
        for r in range(count):
            to = piece(delta_h, (first + r) * H, H)
            for k in range(2):
                sums = load(found, (2 * r + k) * size, 0, 1, 1)
                if more:
                    sums = plus(sums, some_of(to, unit + k * size))
                put_some(sums, to, unit + k * size)
