"""What all optimizers share: groups of parameters with options, and a state for each parameter."""

import contextlib
import math
import operator

import numpy as np

from backprop import kernels
from backprop.errors import CheckpointError, OptionError, ParameterError
from backprop.functional.arrays import zeros
from backprop.functional.shapes import flat
from backprop.kernels.device import device_of, is_array, to_host
from backprop.kernels.transfer import to_device
from backprop.module.parameter import Parameter, moment
from backprop.optim.group import Group, options_of
from backprop.optim.saved import expect_kind, kind_of, numbers_of


class Optimizer:
    """The base class of optimizers: it holds parameters in groups, each a dict of "params" and options such as "lr".

    `parameters` is an iterable of Parameters, or of such dicts, whose options override the defaults. A subclass returns
    its kernel's arguments from two methods: `arrays(parameter, state, **options)`, the values first and the gradient
    second, and `numbers(state, **options)`, the same for all parameters that have taken the same number of steps. Each
    parameter has its own dict `state`, empty at first. Or a subclass writes `update(parameter, state, **options)`.
    """

    kernel = None  # the kernel's name
    squares = ()  # names of the state's arrays that are never negative

    def __init__(self, parameters, **defaults):
        if isinstance(parameters, (Parameter, dict, np.ndarray)) or hasattr(parameters, "parameters"):
            cure = "; use net.parameters()" if hasattr(parameters, "parameters") else ""
            raise ParameterError(f"an optimizer takes a list of Parameters, got {type(parameters).__name__}{cure}")
        groups = list(parameters)
        if not groups:
            raise OptionError("an optimizer needs parameters, got none; does the network have any?")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.param_groups = [self._group(group, defaults) for group in groups]
        self.state, self._all_parameters, self._made = {}, {}, moment()
        for parameter in self._parameters():
            if not isinstance(parameter, Parameter):
                raise ParameterError(f"an optimizer holds Parameters, got {type(parameter).__name__}")
            if parameter in self.state:
                raise ParameterError("an optimizer holds each Parameter once; use net.parameters(), which does")
            self.state[parameter] = {}

    def _group(self, group, defaults):
        unknown = sorted(group.keys() - defaults.keys() - {"params"}) if isinstance(group, dict) else [group]
        if unknown or "params" not in group:
            raise OptionError(f"a group must be a dict of 'params' and {', '.join(map(repr, defaults))}, got {group!r}")
        params = [group["params"]] if isinstance(group["params"], Parameter) else list(group["params"])
        return Group({**defaults, **group, "params": params}, self.check_options)

    def check_options(self, **options):
        """Raise OptionError for options that make no sense."""

    def _parameters(self):
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def zero_grad(self):
        """Forget all gradients: each `grad` is None again."""
        for parameter in self._parameters():
            parameter.zero_grad()

    def step(self):
        """Move every parameter that has a gradient.

        Raises ParameterError if a layer has replaced one since the optimizer was made: the new one would not learn.
        """
        for parameter in self._parameters():
            for replaced in parameter.replaced_since(self._made) if parameter.was_replaced else ():
                if replaced.new.requires_grad and replaced.new not in self.state:
                    raise ParameterError(
                        f"{replaced.place} was replaced after this optimizer was made; "
                        "make a new one: SGD(net.parameters(), ...)"
                    )
        if type(self).update is Optimizer.update:
            for kernel, all_parameters, numbers in self.calls():
                kernel(all_parameters, *numbers)
            return
        for group in self.param_groups:
            for parameter in self._moving(group):
                self.update(parameter, self.state[parameter], **options_of(group))

    def calls(self):
        """Yield the kernel calls of the next step, (kernel, all parameters, numbers), each to be made when yielded.

        Parameters are grouped into calls once, and again after an array or a state was replaced, a step count was set,
        or an option was switched on or off.
        """
        for number, group in enumerate(self.param_groups):
            parameters, options = self._moving(group), options_of(group)
            states = [self.state[parameter] for parameter in parameters]
            counts = type(self).advance is not Optimizer.advance
            if counts:
                for state in states:
                    self.advance(state)
            seen, kept, known = self._all_parameters.get(number, ((), (), ()))
            now = self._seen(parameters, states, kept, options)
            same = len(now) == len(seen) and all(map(operator.is_, now, seen))
            if same and not (counts and self._differ(known, options)):
                for k, alike, all_parameters in known:
                    yield getattr(k, self.kernel), all_parameters, self.numbers(alike[0], **options)
                continue
            sorts = self._sorted(parameters, options)
            kept = [(state, name) for state in states for name, value in state.items() if is_array(value)]
            seen = self._seen(parameters, states, kept, options)
            self._all_parameters[number] = (
                seen,
                kept,
                [(k, alike, all_parameters) for k, alike, all_parameters, _ in sorts],
            )
            for k, _, all_parameters, numbers in sorts:
                yield getattr(k, self.kernel), all_parameters, numbers

    def switches(self):
        """Which options are on: switching one may change the arrays of a call."""
        return [bool(value) for group in self.param_groups for name, value in group.items() if name != "params"]

    def again(self):
        """Yield the numbers of one more step, call by call: those of `calls`, if switches and arrays stay the same."""
        for number, group in enumerate(self.param_groups):
            options = options_of(group)
            for _, states, _ in self._all_parameters[number][2]:
                for state in states:
                    self.advance(state)
                yield self.numbers(states[0], **options)

    @staticmethod
    def _moving(group):
        return [parameter for parameter in group["params"] if parameter._has_grad]

    def update(self, parameter, state, **options):
        """Move one parameter; a subclass may write this in place of kernel, arrays and numbers."""
        raise NotImplementedError

    def arrays(self, parameter, state, **options):
        raise NotImplementedError(f"{type(self).__name__} has neither arrays nor update")

    def numbers(self, state, **options):
        raise NotImplementedError(f"{type(self).__name__} has neither numbers nor update")

    def advance(self, state):
        """Count a step, where that is needed."""

    @staticmethod
    def _seen(parameters, states, kept, options):
        """What the grouping into calls depends on: switches, arrays, states, and the arrays in these states."""
        switches = [kernels.active(), *map(bool, options.values())]
        arrays = [p._data for p in parameters] + [p._sum for p in parameters]
        return switches + arrays + states + [state.get(name) for state, name in kept]

    def _differ(self, calls, options):
        """Whether the parameters of one call no longer have the same numbers."""
        return any(len({self.numbers(state, **options) for state in alike}) > 1 for _, alike, _ in calls)

    def _sorted(self, parameters, options):
        """The parameters grouped by kernels, type and numbers: a list of (kernels, states, all_parameters, numbers)."""
        sorts = {}
        for parameter in parameters:
            state = self.state[parameter]
            numbers = self.numbers(state, **options)  # before `arrays` adds buffers, which a first step lacks
            arrays = [flat(array) for array in self.arrays(parameter, state, **options)]
            k = kernels.of(*arrays[1:], arrays[0])
            sorts.setdefault((k, parameter.dtype, numbers), []).append((state, arrays))
        found = []
        for (k, _, numbers), alike in sorts.items():
            states, arrays = zip(*alike, strict=True)
            found.append((k, states, k.all_parameters(*map(list, zip(*arrays, strict=True))), numbers))
        return found

    def __getstate__(self):
        """A copy groups its parameters anew, for it has its own arrays."""
        return {**vars(self), "_all_parameters": {}}

    def __setstate__(self, state):
        vars(self).update(state)
        for group in self.param_groups:
            group.check = self.check_options

    @staticmethod
    def buffer(parameter, state, name):
        """The array `state[name]`, zeros at first: of the parameter's shape, kept in its type and on its device."""
        if name not in state:
            state[name] = zeros(parameter.shape, parameter.data)
        elif state[name].dtype != parameter.dtype or device_of(state[name]) != parameter.device:
            state[name] = to_device(to_host(state[name]).astype(parameter.dtype, copy=False), parameter.device)
        return state[name]

    def state_dict(self):
        """Name -> array, for all that the next step depends on: "0.momentum" belongs to the first parameter.

        Arrays are copies; numbers become 0-dimensional arrays. The options of groups have names like "options.0.lr".
        """
        found = {"groups": np.array([len(group["params"]) for group in self.param_groups]), "kind": kind_of(self)}
        for number, parameter in enumerate(self._parameters()):
            for name, value in self.state[parameter].items():
                found[f"{number}.{name}"] = np.array(to_host(value))
        for number, group in enumerate(self.param_groups):
            for name, value in group.items():
                if name != "params":
                    found[f"options.{number}.{name}"] = np.array(value)
        return found

    def load_state_dict(self, saved):
        """Load what `state_dict` returned for an optimizer of the same class over parameters of the same shapes.

        Raises CheckpointError, leaving the optimizer unchanged, for the state of another class of optimizer, for
        options or parameters that this one does not have, and for arrays of other shapes or with impossible values;
        OptionError for invalid options.
        """
        saved = numbers_of(saved)
        parameters, groups = self._parameters(), [dict(group) for group in self.param_groups]
        sizes, state = [len(group["params"]) for group in groups], {parameter: {} for parameter in parameters}
        if "groups" not in saved or saved["groups"].tolist() != sizes:
            was = saved["groups"].tolist() if "groups" in saved else "not recorded"
            raise CheckpointError(f"the sizes of its groups of parameters were {was}, now {sizes}")
        wanted = {f"options.{n}.{name}" for n, group in enumerate(groups) for name in group if name != "params"}
        given = {path for path in saved if path.startswith("options.")}
        if given != wanted:
            raise CheckpointError(f"the options of {type(self).__name__} differ: {', '.join(sorted(given ^ wanted))}")
        expect_kind(self, saved)
        for path, value in saved.items():
            place, _, name = path.partition(".")
            if place == "options":
                number, _, name = name.partition(".")
                groups[int(number)][name] = value.item() if value.ndim == 0 else tuple(value.tolist())
            elif place.isdigit() and int(place) < len(parameters):
                parameter, counts = parameters[int(place)], value.dtype.kind in "iu"
                if value.shape != (() if counts else parameter.shape):
                    raise CheckpointError(f"{path} has shape {value.shape}, its parameter {parameter.shape}")
                if name == "step" and value < 1 or name in self.squares and (value < 0).any():
                    raise CheckpointError(f"{path} must be at least {1 if name == 'step' else 0}")
                state[parameter][name] = value.item() if counts else value.astype(parameter.dtype)
            elif place not in ("groups", "kind"):
                raise CheckpointError(f"{path} belongs to none of the {len(parameters)} parameters")
        groups = [Group(group, self.check_options) for group in groups]
        for number, (parameter, needed) in enumerate(self._kept_of(groups)):
            counts = {name for name, value in needed.items() if not is_array(value)}  # missing arrays start at 0
            missing = sorted(counts - state[parameter].keys()) if state[parameter] else []
            if missing:
                raise CheckpointError(f"{number}.{missing[0]} is missing")
        self.state, self.param_groups, self._all_parameters = state, groups, {}

    def bytes_of_state(self):
        """How many bytes the state will take once every parameter has moved."""
        kept = [own for _, own in self._kept_of(self.param_groups)]
        return sum(value.nbytes for own in kept for value in own.values() if is_array(value))

    def _kept_of(self, groups):
        """Yield (parameter, its state once it has moved) for each parameter, in order."""
        for group in groups:
            for parameter in group["params"]:
                kept = {}
                if type(self).update is Optimizer.update:
                    self.advance(kept)
                    with contextlib.suppress(TypeError, AttributeError):  # there may be no gradient yet
                        self.arrays(parameter, kept, **options_of(group))
                yield parameter, kept


def expect_range(low, high=math.inf, **options):
    """Raise OptionError unless every option is a number from `low` to below `high`."""
    for name, value in options.items():
        if not isinstance(value, (int, float, np.integer, np.floating)) or not low <= value < high:
            wanted = f">= {low} and finite" if high == math.inf else f"from {low} to below {high}"
            raise OptionError(f"{name} must be {wanted}, got {value!r}")
