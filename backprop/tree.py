"""A module and all below it as a tree: parameters, buffers and children by name, and the verbs that act on them all."""

import contextlib

import numpy as np

from backprop.errors import CheckpointError, DTypeError, ParameterError, ShapeError
from backprop.kernels.device import to_host
from backprop.kernels.transfer import assign, expect_device
from backprop.parameter import Buffer, Parameter
from backprop.rng import Stream


class Tree:
    """The part of Module that knows what is below it. Names are PyTorch's: "0.weight" is the weight of child "0".

    A Parameter is replaced only by a Parameter of the same shape, a Buffer by a Buffer. A Parameter counts its owners,
    the attributes that hold it, so that an optimizer notices when it holds one that no layer uses any more.
    """

    def __setattr__(self, name, value):
        old = vars(self).get(name)
        if isinstance(old, Buffer):
            self._expect_alike(name, old, value)
        if isinstance(old, Parameter):
            old.owners -= 1
            if old.owners == 0:
                old.replaced = f"{type(self).__name__}.{name}"
        if isinstance(value, Parameter):
            value.owners += 1
            value.replaced = ""
        object.__setattr__(self, name, value)

    def _expect_alike(self, name, old, value):
        place, kind = f"{type(self).__name__}.{name}", type(old).__name__
        if type(value) is not type(old):
            of_shape = f" of shape {np.shape(value)}" if np.ndim(value) else ""
            raise ParameterError(
                f"{place} is a {kind} of shape {old.shape}, got {type(value).__name__}{of_shape}; "
                f"use layer.{name} = {kind}(...), or layer.{name}.data[...] = ..."
            )
        if value.shape != old.shape:
            raise ShapeError(f"{place} is a {kind} of shape {old.shape}, got a {kind} of shape {value.shape}")

    def named_children(self):
        """(name, module) for each child: an attribute, or an item of a list or tuple of modules."""
        for name, value in vars(self).items():
            if isinstance(value, Tree):
                yield name, value
            elif isinstance(value, (list, tuple)):
                for index, item in enumerate(value):
                    if isinstance(item, Tree):
                        yield f"{name}.{index}", item

    def children(self):
        """Each child module once, in order."""
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
        return list(_once((name, value) for name, value in vars(self).items() if isinstance(value, Parameter)))

    def named_buffers(self):
        """(path, Buffer) for what is saved and does not learn, such as running statistics, each once."""
        return _once((path, b) for path, b in self._walk_own(Buffer) if not isinstance(b, Parameter))

    @property
    def device(self):
        """Where the parameters and buffers lie: "cpu" or "cuda"; "cpu" where there are none."""
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
            for name, value in vars(module).items():
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
        """Switch to evaluation: layers that behave differently there (dropout) do; caches are kept all the same."""
        return self.train(False)

    @contextlib.contextmanager
    def evaluating(self):
        """Within this block everything is in evaluation; behind it each module has its own mode back."""
        modes = [(module, module.training) for module in self.modules()]
        try:
            yield self.eval()
        finally:
            for module, mode in modes:
                module.training = mode

    def to(self, *target, device=None, dtype=None):
        """Move parameters and buffers to another device or element type, in place: `net.to("cuda")`,
        `net.to(np.float64)`. Returns the module.

        Raises DeviceError, with the network as it was, where there is no such device or no memory left on it.
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
            if dtype.kind not in "fc":
                raise DTypeError(f"parameters are floating-point numbers, got {dtype}; use net.to(np.float32)")
        buffers = list(dict.fromkeys(array for _, array in self._walk_own(Buffer)))
        moved = [array.moved(dtype, device) for array in buffers]  # all of them, before any takes the place of another
        for array, arrays in zip(buffers, moved, strict=True):
            array.become(arrays)
        return self

    def astype(self, dtype):
        """The same as `to(dtype=dtype)`."""
        return self.to(dtype=dtype)

    def state_dict(self):
        """Path -> array for every parameter and buffer, under PyTorch's names.

        The arrays are NumPy's, and copies, where PyTorch hands out the live ones: what was saved stays what it was
        while training goes on.
        """
        return {path: to_host(array.data).copy() for path, array in self._walk_own(Buffer)}

    def load_state_dict(self, state, strict=True):
        """Copy the arrays of `state` into parameters and buffers of the same names, which keep their element types.

        Raises CheckpointError, with the network as it was, if a shape differs or (with `strict`) a name is missing
        or unknown.
        """
        if not hasattr(state, "keys"):
            raise CheckpointError(f"a state is a dict from names to arrays, got {type(state).__name__}")
        own = dict(self._walk_own(Buffer))
        if strict and own.keys() != state.keys():
            missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
            raise CheckpointError(f"the names do not fit this network: missing {missing}, unknown {unknown}")
        fitting = {path: to_host(state[path]) for path in own if path in state}
        for path, array in fitting.items():
            if array.shape != own[path].shape:
                raise CheckpointError(f"{path} has shape {own[path].shape} in this network, {array.shape} in the state")
            if array.dtype.kind not in "fiu":
                raise CheckpointError(f"{path} holds {array.dtype} in the state, not real numbers")
            if own[path].dtype.kind in "iu" and array.dtype.kind == "f":
                raise CheckpointError(f"{path} counts in {own[path].dtype} in this network, {array.dtype} in the state")
        for path, array in fitting.items():
            assign(own[path].data, array)


def _once(named):
    """The (path, thing) pairs of `named` without those whose thing came before, under another path."""
    seen = set()
    for path, thing in named:
        if thing not in seen:
            seen.add(thing)
            yield path, thing
