"""A Module is one operation together with its adjoint: `forward` stores a cache, `backward` reads it.

>>> import numpy as np, backprop as bp
>>> class Scale(bp.Module):
...     def __init__(self):
...         self.w = bp.Parameter(np.array([3.]))
...     def forward(self, a):
...         self.cache = a                            # backward needs it
...         return self.w.data * a
...     def backward(self, delta):
...         self.w.accumulate(np.sum(delta * self.cache, keepdims=True))
...         return self.w.data * delta

Calling it runs `forward` and keeps the call. `backward` first checks delta against that call's output, shape and type:

>>> layer = Scale()
>>> layer(np.array([1., 2]))
array([3., 6.])
>>> layer.backward(np.array([10., 1]))                # dL/da = 3 delta
array([30.,  3.])
>>> layer.w.grad                                      # dL/dw = 10*1 + 1*2
array([12.])
>>> layer.backward(np.array([10., 1, 0]))
Traceback (most recent call last):
backprop.errors.ShapeError: Scale: backward expects a delta of its output's shape (2,), got (3,)
"""

import functools
import threading

import numpy as np

from backprop.errors import BackpropError, CallOrderError, DTypeError, GradientError
from backprop.module.copies import Copied
from backprop.module.hooks import Hooked, Hooks
from backprop.module.inputs import Expects
from backprop.module.tree import Tree

HARMLESS = {"__init__", "__repr__", "extra_repr", "terms", "count_correct"}  # methods that no step depends on


class Call:
    """The record of one call of a module: its cache, the shapes of inputs and output, its children's calls.

    output     (shape, element type), or a list of them if forward returned a tuple
    thread     the Python thread that made it
    in_graph   whether it was a node of a graph
    """

    __slots__ = ("cache", "inputs", "output", "children", "thread", "in_graph")

    def __init__(self, cache):
        self.cache, self.inputs, self.output, self.children = cache, (), None, ()
        self.thread, self.in_graph = threading.get_ident(), False

    @property
    def output_shape(self):
        """The output's shape in words; several are joined by commas."""
        return ", ".join(str(shape) for shape, _ in (self.output if type(self.output) is list else [self.output]))


class Module(Tree, Expects, Hooked, Copied):
    """The base of layers, losses and networks.  Lecture A 13:33, 20:07, 32:50; B. A subclass writes two methods:

        forward(a)        computes the output and assigns to `self.cache` what backward will need
        backward(delta)   adds dL/d(parameter) to its parameters and returns dL/da; delta is dL/d(output). If several
                          inputs have a delta it returns a tuple, in their order, with None for inputs without one

    A forward that returns a tuple of arrays has a backward that is called with as many deltas, `backward(delta_1,
    delta_2)`, None where nothing depends on an output, and gets them as a tuple. Integers among them have none.

    Parameters and child modules are plain attributes, or items of lists, tuples and dicts, and are found automatically.

    Call `module(a)`, not `module.forward(a)`: the call also checks a, runs the hooks (hooks.py) and is kept in
    `self.call`. `module.backward(delta)` checks delta and runs hooks, too: `__init_subclass__` wraps each subclass's
    `backward` in `_wrapped`, at the end of this file, so that a layer's own file shows only its formulas.

    A cache belongs to a call, and `self.call` is the last one. To use a module more than once, keep each `module.call`
    and restore it with `module.recall(call)` before its backward.

    Between a forward and its backward do not change the input, the output or the parameters. A cache holds the arrays
    themselves, not copies, so backward would silently compute with the changed numbers. If you need a second forward in
    between, run it on a copy, `copy.deepcopy(net)`, or after backward. Two threads need a copy each, too.

    `module.check(x)` compares backward with finite differences; it is added by backprop.check.gradcheck.
    """

    training = True
    recordable = (
        False  # True if forward and backward only call kernels, the same in every step: bp.compile replays them
    )
    uses_numpy = False  # True if some of it is NumPy's, which is recorded on the CPU alone
    analytic = False  # True if forward also takes complex numbers and is analytic: gradcheck then adds a complex step
    call = None
    _inside_backward = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        own = [name for name, value in vars(cls).items() if callable(value) or hasattr(value, "__get__")]
        if "recordable" not in vars(cls) and not HARMLESS.issuperset(own):
            cls.recordable = False  # what holds for the parent's methods need not hold for these
        if not hasattr(cls.backward, "is_wrapper"):
            cls.backward = _wrapped(cls.backward)

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, delta):
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, *inputs, **options):
        """Run pre-hooks, forward and forward hooks, and keep the call. On a graph's Value the call becomes a node.

        Options go to forward as they are; no delta comes back for them.
        """
        for a in inputs:
            if type(a) is not np.ndarray and hasattr(a, "through"):
                return a.through(self, inputs, options)
        if options and any(hasattr(a, "through") for a in options.values()):
            name = next(name for name, a in options.items() if hasattr(a, "through"))
            raise GradientError(f"a Value is an input: give {name} by its place").named(type(self).__name__)
        hooks, own = self._hooks, self.__dict__
        own["call"] = None  # lets the last call's arrays be reused
        try:
            if hooks.before_forward:
                Hooks.run(hooks.before_forward, self, inputs)
            self.expect_array(inputs)
            output = self.forward(*inputs, **options)
        except BaseException as error:
            own["call"] = None  # a call that failed leaves nothing
            if isinstance(error, DTypeError):
                self.name_culprit(error, inputs)
            if isinstance(error, BackpropError):
                error.named(type(self).__name__)
            raise
        call = self.call
        if call is None or call.thread != threading.get_ident():
            own["call"] = call = Call(None)
        call.inputs = tuple([_shape(a) for a in inputs])
        call.output = [_kind(each) for each in output] if type(output) is tuple else _kind(output)
        call.children = [(child, child.call) for child in self.children()]
        if hooks.after_forward:
            Hooks.run(hooks.after_forward, self, inputs, output)
            self.recall(call)  # a hook may have called this module again, to look at something else
        return output

    @property
    def cache(self):
        """What the last forward stored for its backward."""
        if self.call is None:
            raise CallOrderError("no cache yet: call the module first, y = module(x)").named(type(self).__name__)
        return self.call.cache

    @cache.setter
    def cache(self, value):
        self.__dict__["call"] = Call(value)

    def recall(self, call):
        """Restore an earlier call of this module, and of its children, for its backward."""
        self.__dict__["call"] = call
        for child, childs_call in call.children:
            if childs_call is not None:
                child.recall(childs_call)

    def extra_repr(self):
        """The options between the brackets of `repr`."""
        return ""

    def __repr__(self):
        """The options, the children, and after the first call the shapes of its inputs and output."""
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n".join(["", *lines, ""]) if lines else self.extra_repr()
        shapes = ""
        if self.call is not None and self.call.output is not None:
            shapes = f": {', '.join(map(str, self.call.inputs))} -> {self.call.output_shape}"
        return f"{type(self).__name__}({inside}){shapes}"


def _kind(output):
    return _shape(output), getattr(output, "dtype", None)


def _shape(value):
    return value.shape if type(value) is np.ndarray else np.shape(value)


def _wrapped(backward):
    """A subclass's `backward` with what every one needs around it: checks, hooks, the layer's name in errors."""

    @functools.wraps(backward)
    def wrapper(self, *delta, **options):
        if self._inside_backward:  # a subclass that calls super().backward(delta) has done all this already
            return backward(self, *delta, **options)
        try:
            call = self.call
            if call is None:
                raise CallOrderError("backward before forward: call the module first, y = module(x)")
            if call.thread != threading.get_ident():
                raise CallOrderError("the last call was made by another thread; give each its own copy.deepcopy(net)")
            delta = self.expect_delta(*delta, **options)
            if delta is None and call.output is not None:
                return None  # the output is integers, such as indices of words, which have no gradient
            if self._hooks.before_backward:
                Hooks.run(self._hooks.before_backward, self, delta)
            if self.call is not call:  # a hook has called this module again, to look at something else
                self.recall(call)
            self.__dict__["_inside_backward"] = True
            delta_below = backward(self, delta)
        except BackpropError as error:
            raise error.named(type(self).__name__)
        finally:
            self.__dict__["_inside_backward"] = False
        if self._hooks.after_backward:
            Hooks.run(self._hooks.after_backward, self, delta_below, delta)
        if self.call is not call:
            self.recall(call)
        return delta_below

    wrapper.is_wrapper = True
    return wrapper
