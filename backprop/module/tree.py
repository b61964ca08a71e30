"""A module and all below it as a tree: parameters, buffers and children by name, and methods that act on them all."""

import collections
import contextlib
from typing import NamedTuple

import numpy as np

from backprop.errors import CheckpointError, DTypeError, ParameterError, ShapeError
from backprop.kernels.device import to_host
from backprop.kernels.transfer import assign, expect_device
from backprop.module.parameter import Buffer, Parameter
from backprop.module.rng import Stream

PASSING = {"cache", "call", "_inside_backward", "_hooks", "_holders"}  # attributes that are not parts of a module
WORDS = {int, float, bool, str, type(None)}  # types that are not parts of a network
PLAIN = {*WORDS, np.dtype, Parameter, Buffer, Stream}  # types that contain no module
COMPUTED = {np.dtype(name) for name in ("f4", "f8", "c16")}


class Tree:
    """The part of Module that finds what is below it. Names are PyTorch's: "0.weight" is the weight of child "0".

    A Parameter can only be replaced by a Parameter of the same shape, a Buffer by a Buffer. The old one keeps a note of
    the new one, so that an optimizer made earlier can raise an error: the new one would not learn.
    """

    def __setattr__(self, name, value):
        if name not in PASSING:
            old = vars(self).get(name)
            if isinstance(old, Buffer):
                self._expect_alike(name, old, value)
            if value is not old and (isinstance(old, (Tree, Parameter)) or isinstance(value, (Tree, Parameter))):
                self._note_replaced(name, old, value)
            plain = type(value) in PLAIN or (type(value) is tuple and PLAIN.issuperset(map(type, value)))
            if not plain and name not in self._holders:
                object.__setattr__(self, "_holders", (*self._holders, name))
        object.__setattr__(self, name, value)

    def _note_replaced(self, name, old, new):
        """`new` takes the place of `old`, each a parameter or a module: their parameters note it."""
        before, now = (dict.fromkeys(_parameters_of(thing)) for thing in (old, new))
        new = sorted((p for p in now if p not in before), key=lambda p: not p.requires_grad)[:1]
        for parameter in before:
            if parameter not in now and new:
                parameter.note_replaced(self, name, *new)
        for parameter in now:
            parameter.note_used(self, name)

    def _expect_alike(self, name, old, value):
        place, kind = f"{type(self).__name__}.{name}", type(old).__name__
        if type(value) is not type(old):
            of_shape = f" of shape {np.shape(value)}" if np.ndim(value) else ""
            raise ParameterError(
                f"{place} must be a {kind} of shape {old.shape}, got {type(value).__name__}{of_shape}; "
                f"use layer.{name} = {kind}(...), or layer.{name}.data[...] = ..."
            )
        if value.shape != old.shape:
            raise ShapeError(f"{place} must be a {kind} of shape {old.shape}, got a {kind} of shape {value.shape}")

    waits = False  # whether the parameters are yet to be made, at the first call
    _holders = ()  # the names of attributes that are, or may contain, modules

    def named_children(self):
        """(name, module) for each child: an attribute, or an item of a list, tuple or dict, at any depth."""
        own = [(name, value) for name, value in vars(self).items() if name in self._holders]
        return [(name, value) for name, value in self._own(own) if isinstance(value, Tree)]

    def _own(self, attributes=None):
        """(name, thing) for each attribute, and for what the lists, tuples and dicts among them hold: "parts.a.0"."""
        if attributes is None:
            attributes = [(name, value) for name, value in vars(self).items() if name not in PASSING]
        waiting = [(name, value, ()) for name, value in reversed(attributes)]
        while waiting:
            name, value, around = waiting.pop()
            if isinstance(value, (list, tuple, dict, collections.deque)):
                if any(value is other for other in around):
                    continue  # it contains itself
                items = value.items() if isinstance(value, dict) else enumerate(value)
                items = [(key, item) for key, item in items if not _are_words(item)]  # a vocabulary may be long
                waiting += [(f"{name}.{key}", item, (*around, value)) for key, item in reversed(items)]
            elif isinstance(value, (set, frozenset)) and any(isinstance(item, (Tree, Buffer)) for item in value):
                what = f"{type(self).__name__}.{name} is a {type(value).__name__}, whose modules and parameters have no"
                raise ParameterError(f"{what} names of their own; use a list or a dict")
            else:
                yield name, value

    def children(self):
        """Each child module once, in order."""
        if not self._holders:
            return []
        return list(dict.fromkeys([child for _, child in self.named_children()]))

    def named_modules(self):
        """(path, module) for this module, whose path is "", and every module below it, each once."""
        return _once(self._walk())

    def modules(self):
        """This module and every module below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_parameters(self):
        """(path, Parameter), each parameter once, though several layers may share it."""
        return _once(self._walk_own(Parameter))

    def own_parameters(self):
        """(name, Parameter) of this module itself, not of those below, each once."""
        return list(_once((name, value) for name, value in self._own() if isinstance(value, Parameter)))

    def _own_arrays(self):
        """(name, Parameter or Buffer) of this module itself, not of those below."""
        return ((name, value) for name, value in self._own() if isinstance(value, Buffer))

    def named_buffers(self):
        """(path, Buffer) for what is saved but does not learn, such as running statistics, each once."""
        return _once((path, b) for path, b in self._walk_own(Buffer) if not isinstance(b, Parameter))

    @property
    def device(self):
        """Where the parameters and buffers are: "cpu" or "cuda"; "cpu" if there are none."""
        return next((array.device for _, array in self._walk_own(Buffer)), "cpu")

    def named_streams(self):
        """(path, Stream) for each source of random numbers, such as a dropout layer's."""
        return _once(self._walk_own(Stream))

    def parameters(self):
        """Every parameter once: what an optimizer takes."""
        for _, parameter in self.named_parameters():
            yield parameter

    def _walk(self, prefix=""):
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def _walk_own(self, kind):
        """(path, attribute) for every attribute of this kind, under each of its names."""
        for path, module in self._walk():
            for name, value in module._own():
                if isinstance(value, kind):
                    yield (f"{path}.{name}" if path else name), value

    def zero_grad(self):
        """Forget all gradients: each `grad` is None again."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def requires_grad_(self, requires_grad=True):
        """Freeze (False) or unfreeze (True) every parameter. Returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
            parameter.zero_grad()
        return self

    def train(self, mode=True):
        """Switch this module and all below it to training. Returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """Switch to evaluation, where some layers (dropout) behave differently; caches are kept all the same."""
        return self.train(False)

    @contextlib.contextmanager
    def evaluating(self):
        """Within this block every module is in evaluation; after it each has its own mode back."""
        modes = [(module, module.training) for module in self.modules()]
        try:
            yield self.eval()
        finally:
            for module, mode in modes:
                module.training = mode

    def to(self, *target, device=None, dtype=None):
        """Move parameters and buffers to another device or element type, in place: `net.to("cuda")`,
        `net.to(np.float64)`. Returns the module.

        Raises DeviceError, leaving the network as it was, if there is no such device or no memory left on it.
        """
        for item in target:
            if isinstance(item, str) and not item.startswith(("float", "complex")):
                device = item
            else:
                dtype = item
        if device is not None:
            expect_device(device)
        if dtype is not None:
            try:
                dtype = np.dtype(dtype)
            except TypeError:
                raise DTypeError(f"no element type is called {dtype!r}; use net.to(np.float32)") from None
            if dtype not in COMPUTED:
                raise DTypeError(f"layers compute in float32 or float64, got {dtype}; use net.to(np.float32)")
        buffers = list(dict.fromkeys(array for _, array in self._walk_own(Buffer)))
        moved = [array.moved(dtype, device) for array in buffers]  # all of them, before any is replaced
        for array, arrays in zip(buffers, moved, strict=True):
            array.become(arrays)
        return self

    def astype(self, dtype):
        """The same as `to(dtype=dtype)`."""
        return self.to(dtype=dtype)

    def state_dict(self):
        """Path -> array for every parameter and buffer, under PyTorch's names.

        The arrays are NumPy's, and copies, where PyTorch returns the live ones: what was saved does not change as
        training goes on. Raises ParameterError if two have the same name, as items 1 and "1" of a dict do.
        """
        return {path: to_host(array.data).copy() for path, array in self._by_name().items()}

    def _by_name(self):
        """Path -> Parameter or Buffer."""
        found = {}
        for path, array in self._walk_own(Buffer):
            if found.setdefault(path, array) is not array:
                raise ParameterError(f"two parameters are called {path!r}; give one of them another name")
        return found

    def load_state_dict(self, state, strict=True):
        """Copy the arrays of `state` into parameters and buffers of the same names, which keep their element types.

        Returns (missing_keys, unexpected_keys), which are empty unless strict=False. A name may be missing if another
        name of the same parameter is present (tied weights), or if it counts batches (`num_batches_tracked`, which old
        PyTorch files lack).

        Raises CheckpointError, leaving the network as it was, if a shape differs, (with `strict`) a name is missing or
        unknown, or a number is too large for this network's element type.
        """
        if not hasattr(state, "keys"):
            raise CheckpointError(f"a state must be a dict from names to arrays, got {type(state).__name__}")
        for path in state:
            if not isinstance(path, str):
                raise CheckpointError(f"a state must be a dict from names to arrays, got the name {path!r}")
        own = self._by_name()
        known = {id(own[path]) for path in own if path in state}
        needed = {path for path, array in own.items() if id(array) not in known and not array.counts}
        names = Names(sorted(needed - state.keys()), sorted(state.keys() - own.keys()))
        if strict and any(names):
            raise CheckpointError(f"the names do not fit this network: {names}{names.cure(own)}")
        fitting = {path: _fitting(path, own[path], state[path]) for path in own if path in state}
        by_array = {}
        for path, array in fitting.items():
            first = by_array.setdefault(id(own[path]), path)
            if not np.array_equal(array, fitting[first], equal_nan=True):
                raise CheckpointError(f"{first} and {path} are one array in this network, but differ in the state")
        for path, array in fitting.items():
            assign(own[path].data, array)
        return names


def _are_words(value):
    """Whether it is a number, a string or None, or a tuple of these."""
    return type(value) in WORDS or (type(value) is tuple and WORDS.issuperset(map(type, value)))


def _parameters_of(thing):
    """The parameters that an attribute brings into a module."""
    if isinstance(thing, Tree):
        return [p for module in thing.modules() if not module.waits for _, p in module.own_parameters()]
    return [thing] if isinstance(thing, Parameter) else []


class Names(NamedTuple):
    """Names that a network has and a state lacks, and the reverse."""

    missing_keys: list
    unexpected_keys: list

    def __str__(self):
        return f"missing {self.missing_keys}, unknown {self.unexpected_keys}"

    def cure(self, own):
        """The fix where the state's names share one extra prefix, as those of a network within another do."""
        fronts = {name.partition(".")[0] for name in self.unexpected_keys}
        if len(fronts) == 1 and {name.partition(".")[2] for name in self.unexpected_keys} & own.keys():
            (front,) = fronts
            return f"; remove {front + '.'!r}: {{name[{len(front) + 1}:]: a for name, a in state.items()}}"
        return ""


def _fitting(path, own, given):
    """The array that a state gives for a parameter or buffer, in its element type."""
    try:
        array = to_host(given)
    except ValueError:
        raise CheckpointError(
            f"{path} must be an array in the state, got a {type(given).__name__} of unequal lists"
        ) from None
    if array.shape != own.shape:
        raise CheckpointError(f"{path} has shape {own.shape} in this network, {array.shape} in the state")
    if array.dtype.kind not in ("fiu" if own.dtype.kind in "fiu" else own.dtype.kind):
        raise CheckpointError(f"{path} must hold real numbers in the state, got {array.dtype}")
    if own.dtype.kind in "iu" and array.dtype.kind == "f":
        raise CheckpointError(f"{path} has type {own.dtype} in this network, {array.dtype} in the state")
    with np.errstate(over="ignore"):
        as_own = array.astype(own.dtype)
    if own.dtype.kind in "iu" and not np.array_equal(as_own, array):
        raise CheckpointError(f"{path} holds a number that is too large for {own.dtype}")
    if array.dtype.kind == "f" and not np.array_equal(np.isfinite(as_own), np.isfinite(array)):
        raise CheckpointError(f"{path} holds a number that is too large for {own.dtype}; use net.to(np.{array.dtype})")
    return as_own


def _once(named):
    """The (path, thing) pairs of `named`, each thing only under the first of its paths."""
    seen = set()
    for path, thing in named:
        if thing not in seen:
            seen.add(thing)
            yield path, thing
