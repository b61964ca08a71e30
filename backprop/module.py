"""A Module is one operation that knows its adjoint: `forward` leaves a cache, `backward` reads it."""

import functools

import numpy as np

from backprop.errors import BackpropError, CallOrderError, DTypeError, ParameterError, ShapeError
from backprop.hooks import HookHandle, Hooks
from backprop.parameter import Parameter
from backprop.state import States


class Call:
    """What one call of a module leaves behind: its cache, the shapes of inputs and output, its children's calls."""

    __slots__ = ("cache", "inputs", "output", "children")

    def __init__(self, cache):
        self.cache, self.inputs, self.output, self.children = cache, (), None, ()


class Module(States):
    """The base of layers, losses and networks. A subclass writes two methods:

        forward(a)        computes the output and assigns to `self.cache` what backward will need
        backward(delta)   adds dL/d(parameter) to its parameters and returns dL/da; delta is dL/d(output)

    Parameters and child modules are plain attributes (a list of modules may be one too) and are found by themselves.

    Two doors. Call the object, never `forward`: `module(a)` runs forward pre-hooks, forward, forward hooks, and keeps
    the call. `module.backward(delta)` is the one piece of magic in this house: `__init_subclass__` wraps each
    subclass's `backward`, so that every backward first checks that there was a call and that delta has its output's
    shape and type, and afterwards runs the backward hooks. A layer's own page stays free of all that.

    A cache belongs to a call. `self.call` holds the last one. Whoever uses a module more than once keeps each
    `module.call` and puts it back with `module.recall(call)` before the backward that belongs to it.

    `module.check(x)` compares backward with finite differences (backprop.gradcheck).
    """

    training = True
    analytic = False  # whether forward is built of analytic pieces that also take complex numbers: gradcheck asks
    call = None
    _hooks = Hooks()  # shared and empty, until a module registers its first hook
    _inside_backward = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "backward" in vars(cls):
            cls.backward = _through_the_door(cls.backward)

    def forward(self, *inputs):
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, delta):
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, *inputs):
        """forward's door: pre-hooks, forward, hooks."""
        hooks = self._hooks
        Hooks.run(hooks.before_forward, self, inputs)
        self.call = None  # lets the last call's arrays be used again
        try:
            output = self.forward(*inputs)
        except BackpropError as error:
            self.call = None
            raise error.named(type(self).__name__)
        if self.call is None:
            self.call = Call(None)
        call = self.call
        call.inputs = tuple([np.shape(a) for a in inputs])
        call.output = (np.shape(output), getattr(output, "dtype", None))
        call.children = [(child, child.call) for child in self.children()]
        Hooks.run(hooks.after_forward, self, inputs, output)
        return output

    @property
    def cache(self):
        """What the last forward keeps for its backward."""
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

    def expect_delta(self, delta):
        """delta as backward may use it, or the error that says what is wrong with it."""
        if self.call.output is None:  # forward was called directly: nothing is known of its output
            return delta
        shape, dtype = self.call.output
        if not isinstance(delta, np.ndarray):
            raise DTypeError(f"backward wants an array, got {type(delta).__name__}; use np.asarray(x, np.{dtype})")
        if delta.shape != shape:
            raise ShapeError(f"backward wants a delta of its output's shape {shape}, got {delta.shape}")
        if delta.dtype != dtype:
            raise DTypeError(f"backward wants a delta of type {dtype}, got {delta.dtype}; use x.astype(np.{dtype})")
        return delta

    @staticmethod
    def expect(condition, wanted, *, got, cure=""):
        """Raise ShapeError unless `condition`: what was wanted, what came, and the likely cure."""
        if not condition:
            raise ShapeError(f"wants {wanted}, got {np.shape(got)}" + (f"; {cure}" if cure else ""))

    # -- hooks ---------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook):
        """`hook(module, inputs)` before each forward. Returns a handle with `remove()`."""
        return HookHandle(self._own_hooks().before_forward, hook)

    def register_forward_hook(self, hook):
        """`hook(module, inputs, output)` after each forward. Unlike PyTorch's it may not replace the output."""
        return HookHandle(self._own_hooks().after_forward, hook)

    def register_full_backward_hook(self, hook):
        """`hook(module, delta_in, delta_out)` after each backward: what it returned, and the delta it was given."""
        return HookHandle(self._own_hooks().after_backward, hook)

    def _own_hooks(self):
        if "_hooks" not in vars(self):
            self._hooks = Hooks()
        return self._hooks

    # -- attributes ----------------------------------------------------------------------------------------------

    def __setattr__(self, name, value):
        old = vars(self).get(name)
        if isinstance(old, Parameter):
            self._expect_parameter(name, old, value)
            old.owners -= 1
            if old.owners == 0:
                old.replaced = f"{type(self).__name__}.{name}"
        if isinstance(value, Parameter):
            value.owners += 1
            value.replaced = ""
        object.__setattr__(self, name, value)

    def _expect_parameter(self, name, old, value):
        place = f"{type(self).__name__}.{name}"
        if not isinstance(value, Parameter):
            of_shape = f" of shape {np.shape(value)}" if np.ndim(value) else ""
            raise ParameterError(
                f"{place} is a Parameter of shape {old.shape}, got {type(value).__name__}{of_shape}; "
                f"use layer.{name} = Parameter(...), or layer.{name}.data[...] = ..."
            )
        if value.shape != old.shape:
            raise ShapeError(f"{place} is a Parameter of shape {old.shape}, got a Parameter of shape {value.shape}")

    def __getstate__(self):
        """A copy or a pickle of a module is the module alone, without what its last call left behind."""
        return {name: value for name, value in vars(self).items() if name != "call"}

    # -- what a reader sees --------------------------------------------------------------------------------------

    def extra_repr(self):
        """The options between the brackets of `repr`."""
        return ""

    def __repr__(self):
        """The options, the children, and after the first call the shapes that went through."""
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        inside = "\n".join(["", *lines, ""]) if lines else self.extra_repr()
        return f"{type(self).__name__}({inside}){self._shapes()}"

    def _shapes(self):
        if self.call is None or self.call.output is None:
            return ""
        return f": {', '.join(map(str, self.call.inputs))} -> {self.call.output[0]}"


def _through_the_door(backward):
    """backward's door, put around each subclass's own `backward` once."""

    @functools.wraps(backward)
    def door(self, *delta, **options):
        if self._inside_backward:  # a subclass that calls super().backward(delta) came through already
            return backward(self, *delta, **options)
        try:
            if self.call is None:
                raise CallOrderError("backward before forward: call the module first, y = module(x)")
            delta_out = self.expect_delta(*delta, **options)
            self._inside_backward = True
            delta_in = backward(self, delta_out)
        except BackpropError as error:
            raise error.named(type(self).__name__)
        finally:
            self._inside_backward = False
        Hooks.run(self._hooks.after_backward, self, delta_in, delta_out)
        return delta_in

    return door
