"""A call of a Module as one operation of a graph: the module keeps its own explicit backward.  Lecture A 20:07."""

import numpy as np

from backprop import functional as F
from backprop import kernels
from backprop.check.differences import COMPLEX_STEP
from backprop.errors import GradientError
from backprop.functional.shapes import contiguous


class ModuleCall:
    """One call of `module` with `arguments`, of which those at `places` are values of the graph, and options.

    pull   (17)   the module's own backward, after its cache of this call is restored: a module may be called many times
    push   (18)   by a complex step (20) along the tangents, since modules have no forward mode of their own
    """

    by_kernels = True

    def __init__(self, module, arguments, places, options=None):
        self.module, self.arguments, self.places, self.options = module, arguments, places, options or {}
        self.name = type(module).__name__
        self.output = module(*arguments, **self.options)
        self.call = module.call
        self.call.in_graph = True
        self.several = isinstance(self.output, tuple)
        self.learn = [each for each in self.output if each.dtype.kind in "fc"] if self.several else [self.output]
        self.ends = np.cumsum([0, *(each.size for each in self.learn)]).tolist() if self.several else []
        self.data = F.joined([each.reshape(-1) for each in self.learn]) if self.several else self.output

    @property
    def dtype(self):
        """The output's element type; a loss, whose output is a Python number, has its first input's."""
        return getattr(self.data, "dtype", self.arguments[0].dtype)

    def outputs(self, v):
        """What the module returned, where v has all that gradients go through."""
        if not self.several:
            return v
        parts = iter(self._cut(v))
        return tuple(next(parts) if each.dtype.kind in "fc" else each for each in self.output)

    def _cut(self, v):
        """One array or value, and the shapes of the outputs that are in it, in a row."""
        places = zip(self.learn, self.ends, self.ends[1:], strict=False)
        return [v[start:stop].reshape(*each.shape) for each, start, stop in places]

    def pull(self, vbar, v, parents, wanted):
        """(17) Adds to the gradients of the module's parameters, too."""
        last = self.module.call
        self.module.recall(self.call)
        deltas = self._cut(vbar) if self.several else [vbar]
        answers = self.module.backward(*map(contiguous, deltas))
        if last is not None:
            self.module.recall(last)
        answers = answers if isinstance(answers, tuple) else (answers,)
        shares = [answers[place] if place < len(answers) else None for place in self.places]
        for place, share, want in zip(self.places, shares, wanted, strict=True):
            if want and share is None:
                raise GradientError(
                    f"backward gives no delta for input {place + 1}, which depends on something that "
                    f"requires a gradient; use v.detach() there"
                ).named(self.name)
        return shares

    def push(self, v, parents, tangents):
        """(18) vdot = Im module(a + i h adot) / h, on a copy, with the parameters as they are now."""
        if not all(part.analytic for part in self.module.modules()):
            raise GradientError("forward mode takes a complex step, and this module is not analytic").named(self.name)
        arguments = [_complex(a) for a in self.arguments]
        for place, dot in zip(self.places, tangents, strict=True):
            if dot is not None:
                arguments[place] = arguments[place] + 1j * COMPLEX_STEP * dot
        twin = self.module.bare_copy().to(np.complex128)
        drawn = [stream.step for _, stream in twin.named_streams()]
        with kernels.use_kernels("reference"):
            moved = twin(*arguments, **self.options)
        if drawn != [stream.step for _, stream in twin.named_streams()]:
            raise GradientError("forward mode cannot draw the same random numbers again; use net.eval()").named(
                self.name
            )
        if self.several:
            moved = np.concatenate([each.reshape(-1) for each in moved if each.dtype.kind in "fc"])
        return np.imag(moved) / COMPLEX_STEP  # (20)


def _complex(a):
    return a.astype(np.complex128) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
