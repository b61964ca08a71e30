"""Recorded calls made fewer: unread results are not computed, and calls that one kernel can do together are fused.

Each rule leaves every number as it is, to the last bit, and every array that the step is to keep. Layers and formulas
are not affected.
"""

from backprop.kernels.recording import MARK, Call, base_of


def rewritten(recording, k, keep):
    """The calls to the kernel set `k` that compute the arrays `keep` and all that outlives the step.

    Two lists of (kernel, arguments): up to the recording's mark, and after it.
    """
    calls, kept = recording.calls, {id(base_of(array)) for array in keep}
    for rule in (relu_after_max_pool, relu_within, conv_and_max_pool):
        calls = rule(list(calls), k, kept)
    calls = without_unread(calls, recording, keep)
    half = calls.index(MARK)
    return [[(call.kernel, call.args) for call in some] for some in (calls[:half], calls[half + 1 :])]


class Uses:
    """Which calls read and write a piece of memory: their indices, by the array that owns it."""

    def __init__(self, calls):
        self.readers, self.writers = {}, {}
        for place, call in enumerate(calls):
            read, written = call.reads_and_writes()
            for arrays, users in ((read, self.readers), (written, self.writers)):
                for key in {id(base_of(array)) for array in arrays}:
                    users.setdefault(key, []).append(place)

    def of(self, array):
        """(indices of the calls that write it, indices of those that read it)"""
        key = id(base_of(array))
        return self.writers.get(key, []), self.readers.get(key, [])


def relu_after_max_pool(calls, k, kept):
    """A ReLU before a max pool is moved after it, with the same result: there it has fewer numbers to process.

    Backward likewise: whether (4) lets a window's delta pass depends on its maximum alone. Where the image has padding
    the order stays: an empty window gives -inf, which a ReLU after it would make 0.
    """
    uses = Uses(calls)
    for place, call in enumerate(calls):
        if call.name != "max_pool" or any(call.args[4]):
            continue
        a, *window, out, where = call.args
        writers, readers = uses.of(a)
        backward = [n for n in readers if calls[n].name == "relu_backward"]
        if [calls[n].name for n in writers] != ["relu"] or len(backward) != 1 or readers != [place, *backward]:
            continue
        below, _, delta_u = calls[backward[0]].args
        if kept & {id(base_of(array)) for array in (a, below)}:
            continue
        spreads, spread_readers = uses.of(below)
        if spread_readers != backward or [calls[n].name for n in spreads] != ["max_pool_backward"]:
            continue
        delta, taken, spread = calls[spreads[0]].args
        if base_of(taken) is not base_of(where) or uses.of(delta)[1] != spreads:
            continue
        (first,) = writers
        u, pooled, passed = calls[first].args[0], out.reshape(-1), delta.reshape(-1)
        calls[first] = call._replace(args=(u.reshape(a.shape), *window, out, where))
        calls[place] = Call("relu", k.relu, (pooled, pooled))
        calls[spreads[0]] = Call("relu_backward", k.relu_backward, (passed, pooled, passed))
        calls[backward[0]] = Call(
            "max_pool_backward", k.max_pool_backward, (delta, taken, delta_u.reshape(spread.shape))
        )
    return calls


def relu_within(calls, k, kept):
    """A ReLU is fused into a linear layer or a convolution whose result only it reads."""
    uses = Uses(calls)
    for place, call in enumerate(calls):
        if call.name != "relu":
            continue
        u, a = call.args
        writers, readers = uses.of(u)
        if len(writers) != 1 or readers != [place] or writers[0] > place or id(base_of(u)) in kept:
            continue
        name, kernel, args = calls[writers[0]]
        if name in ("linear", "conv"):
            out = args[-1]
            calls[writers[0]] = Call(name, kernel, (*args[:3], True, *args[4:-1], a.reshape(out.shape)))
            calls[place] = None
    return [call for call in calls if call is not None]


def conv_and_max_pool(calls, k, kept):
    """A max pool, and a ReLU after it, are fused into a convolution whose result only it reads: image by image."""
    uses = Uses(calls)
    for place, call in enumerate(calls):
        if call is None or call.name != "max_pool":
            continue
        z, *window, out, where = call.args
        writers, readers = uses.of(z)
        if [calls[n].name for n in writers] != ["conv"] or readers != [place] or calls[writers[0]].args[3]:
            continue
        if id(base_of(z)) in kept:
            continue
        *convolution, _ = calls[writers[0]].args
        behind = min([n for users in uses.of(out) for n in users if n > place], default=place)
        if calls[behind].name == "relu" and all(base_of(array) is base_of(out) for array in calls[behind].args):
            convolution[3] = True
            calls[behind] = None
        calls[writers[0]] = None
        calls[place] = Call("conv_max_pool", k.conv_max_pool, (*convolution, z.shape[2:], *window, out, where))
    return [call for call in calls if call is not None]


def without_unread(calls, recording, keep):
    """Only the calls whose results are in `keep`, are read by such a call, or lie in memory that existed before."""
    wanted = {id(base_of(array)) for array in keep}
    found = []
    for call in reversed(calls):
        read, written = call.reads_and_writes()
        if not written or any(id(base_of(array)) in wanted or not recording.made(array) for array in written):
            wanted |= {id(base_of(array)) for array in read}
            found.append(call)
    return found[::-1]
