"""A Module is one operation that knows its adjoint: `forward` leaves a cache, `backward` reads it."""

import copy
import functools
import threading

import numpy as np

from backprop.errors import BackpropError, CallOrderError, DTypeError, ShapeError
from backprop.hooks import Hooked, Hooks
from backprop.kernels.device import is_array
from backprop.tree import Tree

HARMLESS = {"__init__", "__repr__", "extra_repr", "terms", "count_correct"}  # methods that no step depends on


class Call:
    """What one call of a module leaves behind: its cache, the shapes of inputs and output, its children's calls.

    thread     which of Python's threads made it
    in_graph   whether it was a node of a graph
    """

    __slots__ = ("cache", "inputs", "output", "children", "thread", "in_graph")

    def __init__(self, cache):
        self.cache, self.inputs, self.output, self.children = cache, (), None, ()
        self.thread, self.in_graph = threading.get_ident(), False


class Module(Tree, Hooked):
    """The base of layers, losses and networks.  Lecture A 13:33, 20:07, 32:50; B. A subclass writes two methods:

        forward(a)        computes the output and assigns to `self.cache` what backward will need
        backward(delta)   adds dL/d(parameter) to its parameters and returns dL/da; delta is dL/d(output). Where several
                          inputs have a delta it returns a tuple, in their order; None for one that has none

    Parameters and child modules are plain attributes, or in lists, tuples and dicts, and are found automatically.

    There are two doors. `module(a)`, never `module.forward(a)`, runs forward pre-hooks, forward and forward hooks, and
    keeps the call. `module.backward(delta)` first checks that there was a call and that delta has its output's shape
    and type, and runs the hooks before and after it: `__init_subclass__` wraps every subclass's `backward` for that,
    the one piece of magic in this house, so that a layer's own page stays plain.

    A cache belongs to a call. `self.call` holds the last one. Whoever uses a module more than once keeps each
    `module.call` and puts it back with `module.recall(call)` before the backward that belongs to it.

    Between a forward and its backward nobody may change what both see: the input, the output, the parameters. A cache
    holds the arrays themselves, not copies, so that backward would compute with other numbers, and say nothing. A
    second forward in between, to look at something else, belongs on a copy, `copy.deepcopy(net)`, or behind backward.
    Two threads need a copy each, too.

    `module.check(x)` compares backward with finite differences; it comes from backprop.gradcheck.
    """

    training = True
    recordable = False  # True if forward and backward compute by kernels alone, alike in every step: for backprop.plan
    analytic = False  # True if forward also takes complex numbers and is analytic: gradcheck then adds a complex step
    call = None
    _inside_backward = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        own = [name for name, value in vars(cls).items() if callable(value) or hasattr(value, "__get__")]
        if "recordable" not in vars(cls) and not HARMLESS.issuperset(own):
            cls.recordable = False  # what holds for the methods of a parent need not hold for these
        if not hasattr(cls.backward, "is_door"):
            cls.backward = _through_the_door(cls.backward)

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, delta):
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, *inputs):
        """forward's door: pre-hooks, forward, hooks. Called with a graph's Value it is a node of that graph."""
        for a in inputs:
            if hasattr(a, "through"):
                return a.through(self, inputs)
        hooks = self._hooks
        self.call = None  # lets the last call's arrays be used again
        try:
            Hooks.run(hooks.before_forward, self, inputs)
            self.expect_array(inputs)
            output = self.forward(*inputs)
        except BaseException as error:
            self.call = None  # half a call is none
            if isinstance(error, DTypeError):
                self._name_culprit(error, inputs)
            if isinstance(error, BackpropError):
                error.named(type(self).__name__)
            raise
        call = self.call
        if call is None or call.thread != threading.get_ident():
            self.call = call = Call(None)
        call.inputs = tuple([np.shape(a) for a in inputs])
        call.output = (np.shape(output), getattr(output, "dtype", None))
        call.children = [(child, child.call) for child in self.children()]
        if hooks.after_forward:
            Hooks.run(hooks.after_forward, self, inputs, output)
            self.recall(call)  # a hook may have called this module again, to look at something else
        return output

    def _name_culprit(self, error, inputs):
        """An array of the wrong type that is no input, but a parameter or buffer: the cure is another one."""
        if any(error.array is a for a in inputs):
            return
        name, own = next(((n, own) for n, own in self._own_arrays() if own.data is error.array), ("", None))
        if own is not None:
            wanted = inputs[0].dtype if inputs[0].dtype.name in ("float32", "float64") else "float32"
            kind = f"its {name} is {own.dtype}, its input {inputs[0].dtype}"
            error.message = f"{kind}; use .to(np.{wanted}) of the layer, loss or network"

    @property
    def cache(self):
        """What the last forward keeps for its backward."""
        if self.call is None:
            raise CallOrderError("no cache before a call: y = module(x)").named(type(self).__name__)
        return self.call.cache

    @cache.setter
    def cache(self, value):
        self.call = Call(value)

    def recall(self, call):
        """Put an earlier call of this module, and of its children, back in place for its backward."""
        self.call = call
        for child, childs_call in call.children:
            if childs_call is not None:
                child.recall(childs_call)

    takes = "np.float32"  # the element type that a list of numbers should be given

    def expect_array(self, inputs):
        """Raise DTypeError unless the first input is an array, in this machine's order of bytes."""
        if not inputs:
            return
        dtype = getattr(inputs[0], "dtype", None)
        if dtype is None:
            cure = f"use np.asarray(x, dtype={self.takes})"
            raise DTypeError(f"wants an array, got {type(inputs[0]).__name__}; {cure}")
        if not dtype.isnative and dtype.kind in "fc":
            raise DTypeError(f"wants this machine's order of bytes, got {dtype}; use x.astype(np.{dtype.name})")

    @staticmethod
    def expect(condition, wanted, *, got, cure=""):
        """Raise ShapeError unless `condition`: what was wanted, the shape that came, and the likely cure."""
        if not condition:
            raise ShapeError(f"wants {wanted}, got {np.shape(got)}" + (f"; {cure}" if cure else ""))

    def expect_delta(self, delta=None):
        """delta as backward may use it, or the error that says what is wrong with it."""
        if self.call.output is None:  # forward was called directly: nothing is known of its output
            return delta
        shape, dtype = self.call.output
        if delta is None and dtype is not None and dtype.kind in "iub":
            return None
        if delta is None:
            raise ShapeError(
                f"backward wants delta = dL/d(output), of shape {shape}; a loss's backward() gives the first"
            )
        if not is_array(delta):
            raise DTypeError(f"backward wants an array, got {type(delta).__name__}; use np.asarray(x, np.{dtype})")
        if delta.shape != shape:
            raise ShapeError(f"backward wants a delta of its output's shape {shape}, got {delta.shape}")
        if delta.dtype != dtype:
            raise DTypeError(f"backward wants a delta of type {dtype}, got {delta.dtype}; use x.astype(np.{dtype})")
        return delta

    def bare_copy(self, memo=None):
        """A deep copy without hooks: for looking at what it does unseen. Copies made with one `memo` share parts."""
        memo = {} if memo is None else memo
        memo |= {id(module._hooks): Hooks() for module in self.modules()}  # hooks are not copied: they may hold a file
        twin = copy.deepcopy(self, memo)
        for module in twin.modules():
            vars(module).pop("_hooks", None)
        return twin

    def __getstate__(self):
        """A copy or a pickle of a module is the module alone, without what its last call left behind."""
        return {name: value for name, value in vars(self).items() if name != "call"}

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)  # which counts the owners of parameters

    def extra_repr(self):
        """The options between the brackets of `repr`."""
        return ""

    def __repr__(self):
        """The options, the children, and after the first call the shapes that went through."""
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n".join(["", *lines, ""]) if lines else self.extra_repr()
        shapes = ""
        if self.call is not None and self.call.output is not None:
            shapes = f": {', '.join(map(str, self.call.inputs))} -> {self.call.output[0]}"
        return f"{type(self).__name__}({inside}){shapes}"


def _through_the_door(backward):
    """backward's door, put around each subclass's own `backward` once."""

    @functools.wraps(backward)
    def door(self, *delta, **options):
        if self._inside_backward:  # a subclass that calls super().backward(delta) came through already
            return backward(self, *delta, **options)
        try:
            call = self.call
            if call is None:
                raise CallOrderError("backward before forward: call the module first, y = module(x)")
            if call.thread != threading.get_ident():
                raise CallOrderError("the last call was another thread's: give each a copy.deepcopy(net) of its own")
            delta = self.expect_delta(*delta, **options)
            if delta is None and call.output is not None:
                return None  # its output were whole numbers, such as words, which have no gradient
            Hooks.run(self._hooks.before_backward, self, delta)
            if self.call is not call:  # a hook has called this module again, to look at something else
                self.recall(call)
            self._inside_backward = True
            delta_below = backward(self, delta)
        except BackpropError as error:
            raise error.named(type(self).__name__)
        finally:
            self._inside_backward = False
        Hooks.run(self._hooks.after_backward, self, delta_below, delta)
        if self.call is not call:
            self.recall(call)
        return delta_below

    door.is_door = True
    return door
