"""Calls and their backward, the cache, hooks, names, and what happens to attributes."""

import collections
import copy
import pickle
import threading

import numpy as np
import pytest

import backprop as bp
from backprop import Linear, Module, Parameter, ReLU, Sequential

X = np.ones((2, 4), np.float32)


def test_doors_and_hooks_open_in_the_lectures_order():
    seen = []

    class Loud(Module):
        def forward(self, a):
            seen.append("forward")
            self.cache = None
            return a

        def backward(self, delta):
            seen.append("backward")
            return delta

    layer = Loud()
    layer.register_full_backward_hook(lambda m, delta_in, delta_out: seen.append("backward hook"))
    layer.register_full_backward_pre_hook(lambda m, delta: seen.append("backward pre-hook"))
    layer.register_forward_hook(lambda m, inputs, output: seen.append("forward hook"))
    layer.register_forward_pre_hook(lambda m, inputs: seen.append("pre-hook"))
    layer.backward(layer(X))
    assert seen == ["pre-hook", "forward", "forward hook", "backward pre-hook", "backward", "backward hook"]


def test_forward_alone_runs_no_hooks():
    layer = Linear(4, 3)
    layer.register_forward_hook(lambda *seen: pytest.fail("ran"))
    layer.register_forward_pre_hook(lambda *seen: pytest.fail("ran"))
    assert layer.forward(X).shape == (2, 3)


def test_hooks_work_on_whole_networks_and_see_what_went_through():
    net, seen = Sequential(Linear(4, 3), ReLU()), []
    net.register_forward_hook(lambda m, inputs, output: seen.append((m, inputs[0].shape, output.shape)))
    net.register_full_backward_hook(lambda m, delta_in, delta_out: seen.append((delta_in.shape, delta_out.shape)))
    net.backward(net(X))
    assert seen == [(net, (2, 4), (2, 3)), ((2, 4), (2, 3))]


@pytest.mark.parametrize("kind", ["forward_pre", "forward", "full_backward_pre", "full_backward"])
def test_a_hook_that_returns_something_is_refused(kind):
    layer = Linear(4, 3)

    def change(*seen):
        return 1

    handle = getattr(layer, f"register_{kind}_hook")(change)
    with pytest.raises(bp.HookError, match="the hook change returned a value"):
        layer.backward(layer(X))
    handle.remove()
    layer.backward(layer(X))


def test_a_removed_hook_is_silent_and_hooks_of_one_layer_are_not_anothers():
    first, second, seen = Linear(4, 3), Linear(4, 3), []
    handle = first.register_forward_hook(lambda *_: seen.append(1))
    second(X)
    assert seen == []
    first(X)
    handle.remove()
    handle.remove()
    first(X)
    assert seen == [1]


@pytest.mark.parametrize("when", ["pre_hook", "hook"])
def test_a_backward_hook_that_calls_the_module_again_leaves_the_gradient_right(when):
    layer, busy = Linear(4, 3), []

    def look(module, *seen):
        if not busy:
            busy.append(1)
            module(100 * X)

    getattr(layer, f"register_full_backward_{when}")(look)
    layer.backward(np.ones_like(layer(X)))
    np.testing.assert_array_equal(layer.weight.grad, np.full((3, 4), 2))


def test_backward_before_forward_says_so():
    with pytest.raises(bp.CallOrderError, match=r"Linear: backward before forward: call the module first"):
        Linear(4, 3).backward(np.zeros((2, 3), np.float32))


def test_backward_after_a_failed_call_is_refused_too():
    layer = Linear(4, 3)
    layer(X)
    with pytest.raises(bp.ShapeError):
        layer(np.ones((2, 5), np.float32))
    with pytest.raises(bp.CallOrderError):
        layer.backward(np.zeros((2, 3), np.float32))


def test_delta_must_have_the_outputs_shape_and_type():
    layer = Linear(4, 3)
    layer(X)
    with pytest.raises(bp.ShapeError, match=r"delta of its output's shape \(2, 3\), got \(3,\)"):
        layer.backward(np.zeros(3, np.float32))
    with pytest.raises(bp.DTypeError, match=r"float32, got float64; use x.astype\(np.float32\)$"):
        layer.backward(np.zeros((2, 3)))
    with pytest.raises(bp.DTypeError, match="expects an array, got list"):
        layer.backward([[1, 2, 3]] * 2)


def test_a_subclass_that_calls_super_passes_the_door_once():
    class Doubled(Linear):
        def backward(self, delta):
            return 2 * super().backward(delta)

    layer, seen = Doubled(4, 3), []
    layer.register_full_backward_hook(lambda m, delta_in, delta_out: seen.append(delta_in[0, 0]))
    delta_in = layer.backward(layer(X))
    assert seen == [delta_in[0, 0]]


def test_the_door_opens_again_after_an_error():
    class Fails(Module):
        def forward(self, a):
            self.cache = a
            return a

        def backward(self, delta):
            raise RuntimeError("mine")

    layer = Fails()
    layer(X)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="mine"):
            layer.backward(X)
        assert not layer._inside_backward


class Residual(Module):
    """A container written by a user, with no thought of calls."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, a):
        return a + self.inner(a)

    def backward(self, delta):
        return delta + self.inner.backward(delta)


@pytest.mark.parametrize(
    "make", [lambda: Linear(4, 4), lambda: Residual(Linear(4, 4)), lambda: Sequential(Linear(4, 4))]
)
def test_a_layer_used_twice_has_the_right_gradient(make):
    shared = make()
    net = Sequential(shared, bp.Tanh(), shared, bp.Sigmoid(), shared)
    bp.gradcheck(net, np.random.default_rng(0).standard_normal((3, 4))).raise_if_wrong()


def test_calls_of_different_batch_sizes_can_be_put_back():
    layer = Linear(4, 3)
    layer(X)
    small = layer.call
    layer(np.ones((5, 4), np.float32))
    large = layer.call
    layer.recall(small)
    assert layer.backward(np.ones((2, 3), np.float32)).shape == (2, 4)
    layer.recall(large)
    assert layer.backward(np.ones((5, 3), np.float32)).shape == (5, 4)


def test_evaluation_caches_all_the_same():
    layer = Linear(4, 3).eval()
    assert not layer.training
    assert layer.backward(layer(X)).shape == X.shape


def test_train_and_eval_reach_every_layer():
    net = Sequential(Residual(Linear(4, 4)), ReLU())
    net.eval()
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())


def test_names_are_pytorchs():
    net = Sequential(Linear(4, 3), Sequential(ReLU(), Linear(3, 2, bias=False)))
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.1.weight"]
    assert [path for path, _ in net.named_modules()] == ["", "0", "1", "1.0", "1.1"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.1.weight"]


def test_a_list_of_modules_is_found():
    class Branches(Module):
        def __init__(self):
            self.branches = [Linear(4, 3), Linear(4, 2)]

    assert [name for name, _ in Branches().named_parameters()] == [
        "branches.0.weight",
        "branches.0.bias",
        "branches.1.weight",
        "branches.1.bias",
    ]


def test_a_shared_parameter_is_listed_once_and_saved_under_each_name():
    shared = Linear(4, 4)
    net = Sequential(shared, shared)
    assert len(list(net.parameters())) == 2
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_plain_array_in_a_parameters_place_is_refused_with_both_shapes():
    layer = Linear(4, 3)
    with pytest.raises(
        bp.ParameterError, match=r"Linear.weight must be a Parameter of shape \(3, 4\), got ndarray of shape \(4, 3\)"
    ):
        layer.weight = np.zeros((4, 3))
    with pytest.raises(bp.ParameterError, match="got list of shape"):
        layer.weight = [[1]]
    with pytest.raises(bp.ParameterError, match="got NoneType"):
        layer.weight = None
    with pytest.raises(bp.ShapeError, match=r"shape \(3, 4\), got a Parameter of shape \(4, 3\)"):
        layer.weight = Parameter(np.zeros((4, 3)))
    assert layer.weight.shape == (3, 4)


def test_state_dict_is_a_copy_and_loads_back():
    net = Sequential(Linear(4, 3))
    saved = net.state_dict()
    net[0].weight.data += 1
    assert not np.array_equal(saved["0.weight"], net[0].weight.data)
    net.load_state_dict(saved)
    np.testing.assert_array_equal(saved["0.weight"], net[0].weight.data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("0.bias"), r"missing \['0.bias'\]"),
        (lambda s: s.update(extra=np.zeros(1)), r"unknown \['extra'\]"),
        (lambda s: s.update({"0.bias": np.zeros(4)}), r"0.bias has shape \(3,\) in this network, \(4,\) in the state"),
        (lambda s: s.update({"0.bias": np.array(["a", "b", "c"])}), "0.bias must hold"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    net = Sequential(Linear(4, 3))
    before, state = net.state_dict(), {name: array + 1 for name, array in net.state_dict().items()}
    change(state)
    with pytest.raises(bp.CheckpointError, match=message):
        net.load_state_dict(state)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_partial_state_loads_when_asked():
    net = Sequential(Linear(4, 3))
    net.load_state_dict({"0.bias": np.ones(3), "other": np.zeros(1)}, strict=False)
    assert net[0].bias.data.tolist() == [1, 1, 1]


def test_to_changes_types_and_refuses_devices():
    net = Sequential(Linear(4, 3))
    assert net.to(np.float64) is net
    assert net[0].weight.dtype == net[0].bias.dtype == np.float64
    assert net.astype(np.float32)[0].weight.dtype == np.float32
    assert net.to("cpu", dtype=np.float64)[0].weight.dtype == np.float64
    with pytest.raises(bp.DeviceError, match="device must be one of cpu, cuda, got 'tpu'"):
        net.to("tpu")


def test_freezing_stops_gradients():
    net = Sequential(Linear(4, 3), Linear(3, 2))
    net[0].requires_grad_(False)
    net.backward(net(X))
    assert net[0].weight.grad is None
    assert net[1].weight.grad is not None


def test_repr_shows_shapes_after_the_first_call():
    net = Sequential(Linear(4, 3), ReLU())
    assert repr(net) == ("Sequential(\n  (0): Linear(in_features=4, out_features=3, bias=True)\n  (1): ReLU()\n)")
    net(X)
    assert repr(net[0]) == "Linear(in_features=4, out_features=3, bias=True): (2, 4) -> (2, 3)"
    assert repr(net).endswith("): (2, 4) -> (2, 3)")


def test_copies_and_pickles_are_the_module_without_its_last_call():
    net = Sequential(Linear(4, 3), ReLU())
    y = net(X)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.call is None
        np.testing.assert_array_equal(other(X), y)
        assert other[0].weight is not net[0].weight


def test_a_module_without_its_two_methods_says_which_is_missing():
    class Half(Module):
        def forward(self, a):
            return a

    with pytest.raises(NotImplementedError, match="Half has no backward"):
        half = Half()
        half(X)
        half.backward(X)
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        Module()(X)


def test_a_layer_of_ones_own_in_twelve_lines():
    class Scale(Module):
        def __init__(self, features):
            self.scale = Parameter(np.ones(features, np.float32))

        def forward(self, a):
            self.cache = a
            return a * self.scale.data

        def backward(self, delta):
            self.scale.accumulate(self.gradient, delta, self.cache)
            return delta * self.scale.data

        @staticmethod
        def gradient(delta, a, out, accumulate):
            out[...] = (delta * a).sum(axis=0) + (out if accumulate else 0)

    report = Scale(4).check(X)
    assert report.ok, report


def test_backward_without_delta_and_cache_without_a_call_say_what_is_missing():
    layer = Linear(4, 3)
    with pytest.raises(bp.CallOrderError, match="Linear: no cache yet: call the module"):
        _ = layer.cache
    layer(X)
    with pytest.raises(bp.ShapeError, match=r"expects delta = dL/d\(output\), of shape \(2, 3\)"):
        layer.backward()


@pytest.mark.parametrize("module", [bp.CrossEntropyLoss(), bp.Flatten(), Linear(2, 2), Sequential()])
def test_a_list_is_refused_with_the_cure(module):
    with pytest.raises(bp.DTypeError, match=r"expects an array, got list; use np.asarray\(x, dtype=np.float32\)$"):
        module([[1.0, 2.0]], [0])


def test_words_that_are_no_device_and_types_that_are_no_floats_are_refused():
    with pytest.raises(bp.DeviceError, match="'gpu'"):
        Linear(2, 2).to("gpu")
    with pytest.raises(bp.DTypeError, match="got int64"):
        Linear(2, 2).to(np.int64)
    assert Linear(2, 2).to("float64").weight.dtype == np.float64


def test_a_hook_that_calls_its_module_again_does_not_take_the_calls_cache():
    layer, seen = Linear(4, 4), []

    def look(module, inputs, output):
        if not seen:
            seen.append(1)
            module(inputs[0] * 0)

    layer.register_forward_hook(look)
    layer(X)
    layer.backward(np.ones((2, 4), np.float32))
    assert layer.weight.grad.sum() == 32


def test_a_hooks_error_names_the_layer_it_is_on():
    net = Sequential(ReLU(), Linear(4, 3))
    net[1].register_forward_hook(lambda *_: 1)
    with pytest.raises(bp.HookError, match=r"^layer 1 \(Linear\): the hook"):
        net(X)


def test_any_exception_in_forward_leaves_no_half_call():
    class Fails(Module):
        def forward(self, a):
            self.cache = a
            raise RuntimeError("mine")

        def backward(self, delta):
            return delta

    module = Fails()
    with pytest.raises(RuntimeError):
        module(X)
    with pytest.raises(bp.CallOrderError):
        module.backward(X)


def test_a_backward_from_a_mixin_passes_the_door_too():
    class Mixin:
        def backward(self, delta):
            return delta

    class Mixed(Mixin, Module):
        def forward(self, a):
            return a

    module = Mixed()
    with pytest.raises(bp.CallOrderError):
        module.backward(X)
    module(X)
    with pytest.raises(bp.ShapeError):
        module.backward(X[0])


def test_values_of_another_type_take_the_gradient_along():
    p = Parameter(np.ones(2, np.float32))
    p.grad = [3, 4]
    p.data = np.zeros(2)
    assert p.dtype == p.grad.dtype == np.float64
    assert p.grad.tolist() == [3, 4]


def test_a_backward_hook_that_calls_the_network_does_not_spoil_the_pass():
    """The chain once went on with the caches of the hook's own call."""
    net = bp.Sequential(bp.Linear(1, 1), bp.ReLU(), bp.Linear(1, 1)).to(np.float64)
    for parameter in net.parameters():
        parameter.data[...] = 1
    net[1].register_full_backward_hook(lambda module, below, delta: (net(np.array([[100.0]])), None)[1])
    net(np.array([[2.0]]))
    for passes in (1, 2):
        net.backward(np.array([[1.0]]))
        assert net[0].weight.grad == 2 * passes


def test_a_layers_backward_hook_may_call_it_again():
    layer = bp.Linear(1, 1)
    layer.register_full_backward_hook(lambda module, below, delta: (module(np.full((1, 1), 9, np.float32)), None)[1])
    layer(np.full((1, 1), 2, np.float32))
    for passes in (1, 2):
        layer.backward(np.ones((1, 1), np.float32))
        assert layer.weight.grad == 2 * passes


class Parts(bp.Module):
    """Parameters and modules wherever one may keep them."""

    def __init__(self):
        self.own = [bp.Parameter([1.0, 2.0]), (bp.Parameter([3.0]),)]
        self.parts = {"a": bp.Linear(2, 2), "more": [bp.Bias(2), {"x": bp.Dropout(0.5)}]}
        self.queue = collections.deque([bp.Linear(1, 1)])
        self.own.append(self.own)  # even a list that holds itself


NAMES = ["own.0", "own.1.0", "parts.a.weight", "parts.a.bias", "parts.more.0.bias", "queue.0.weight", "queue.0.bias"]


def test_parameters_and_modules_are_found_in_lists_tuples_and_dicts_at_any_depth():
    """Those of a list or a dict were not trained, not saved, not moved, not zeroed and not checked, without a word."""
    net = Parts()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert list(net.state_dict()) == NAMES
    assert [name for name, _ in net.named_streams()] == ["parts.more.1.x.stream"]
    assert all(p.dtype == np.float64 for p in net.to(np.float64).parameters())
    net.own[0].accumulate(np.ones(2))
    net.zero_grad()
    assert net.own[0].grad is None
    assert not net.eval().parts["more"][1]["x"].training
    twin = copy.deepcopy(net)
    twin.load_state_dict({name: 0 * array for name, array in net.state_dict().items()})
    assert not any(p.data.any() for p in twin.parameters())
    assert net.own[0].data.all()


def test_a_set_of_modules_is_refused_for_nobody_could_name_them():
    layer = bp.Module()
    layer.parts = {bp.Linear(2, 2)}
    with pytest.raises(bp.ParameterError, match="Module.parts is a set, .* use a list or a dict"):
        list(layer.parameters())


def test_a_chain_that_has_more_than_its_layers_has_their_parameters_too():
    class More(bp.Sequential):
        def __init__(self):
            super().__init__(bp.Linear(2, 2))
            self.extra = bp.Linear(2, 2)

    assert [name for name, _ in More().named_parameters()] == ["0.weight", "0.bias", "extra.weight", "extra.bias"]


def test_a_parameter_is_compared_entry_by_entry():
    p = bp.Parameter([0.0, 1.0])
    assert (p == 0).tolist() == [True, False]
    assert (np.zeros(2) == p).tolist() == [True, False]
    assert (p > 0).tolist() == [False, True]
    assert p in {p}


def test_half_precision_is_refused_where_it_is_asked_for():
    """It was taken, and the message then asked for another type of x, which changed nothing."""
    with pytest.raises(bp.DTypeError, match=r"float32 or float64, got float16; use net.to\(np.float32\)"):
        bp.Linear(3, 2).to(np.float16)
    layer = bp.Linear(3, 2, dtype=np.float16)
    with pytest.raises(bp.DTypeError, match=r"its (weight|bias) is float16, its input float32; use .to\(np.float32\)"):
        layer(np.ones((2, 3), np.float32))


def test_another_order_of_bytes_is_refused_in_words_of_python():
    with pytest.raises(bp.DTypeError, match=r"use x.astype\(np.float32\)$"):
        bp.Flatten()(np.ones((2, 3), np.dtype("f4").newbyteorder()))


def test_a_call_of_another_thread_is_no_call_of_this_one():
    """Two threads that shared a network got each other's gradients."""
    layer, x = bp.Linear(2, 2), np.ones((1, 2), np.float32)
    layer(x)
    thread = threading.Thread(target=lambda: layer(3 * x))
    thread.start()
    thread.join()
    with pytest.raises(bp.CallOrderError, match=r"another thread; give each its own copy.deepcopy\(net\)"):
        layer.backward(x)


@pytest.mark.parametrize(
    "state",
    [
        {"0.weight": np.full((2, 2), 1e300), "0.bias": np.zeros(2)},
        {"0.weight": np.zeros((2, 2)), "0.bias": np.array([np.inf, 1e39])},
    ],
)
def test_a_number_that_is_too_large_for_the_network_is_refused_and_not_made_infinite(state):
    net = bp.Sequential(bp.Linear(2, 2))
    before = net.state_dict()
    with pytest.raises(bp.CheckpointError, match="too large for float32"):
        net.load_state_dict(state)
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())


def test_a_state_that_is_not_strict_tells_what_did_not_fit():
    net = bp.Sequential(bp.Linear(2, 2))
    found = net.load_state_dict({"0.bias": np.ones(2), "x": np.ones(2)}, strict=False)
    assert found == (["0.weight"], ["x"])
    assert net[0].bias.data.tolist() == [1, 1]
    inside = {f"module.{name}": array for name, array in net.state_dict().items()}
    with pytest.raises(bp.CheckpointError, match=r"remove 'module.': \{name\[7:\]: a for name, a in"):
        net.load_state_dict(inside)


def test_one_name_of_tied_weights_is_enough_and_two_that_differ_are_refused():
    net = bp.Sequential(bp.Linear(3, 3), bp.Linear(3, 3))
    net[1].weight = net[0].weight
    state = {name: array + 1 for name, array in net.state_dict().items() if name != "1.weight"}
    net.load_state_dict(state)
    np.testing.assert_array_equal(net[1].weight.data, state["0.weight"])
    with pytest.raises(bp.CheckpointError, match="0.weight and 1.weight are one array in this network, but differ"):
        net.load_state_dict({**state, "1.weight": state["0.weight"] + 1})


def test_a_file_of_old_pytorch_need_not_count_batches():
    net = bp.Sequential(bp.BatchNorm1d(2))
    state = {name: array + 1 for name, array in net.state_dict().items() if "num_batches" not in name}
    net.load_state_dict(state)
    assert net[0].running_mean.data.tolist() == [1, 1]


def test_a_long_vocabulary_costs_a_call_little():
    class Speaker(bp.Module):
        def __init__(self, words):
            self.words, self.linear = words, bp.Linear(3, 2)

    words = [("a", 1)] * 10, {"b": 2}, bp.Linear(2, 2)
    assert [name for name, _ in Speaker(words).named_children()] == ["words.2", "linear"]
    looked_at = [thing for _, thing in Speaker([("a", 1), ["b", None], 3.0] * 1000)._own()]
    assert len(looked_at) == 1


def test_two_parameters_of_one_name_are_not_saved_as_one():
    linear = bp.Linear(3, 2)
    linear.gates = {1: bp.Parameter(np.ones(2)), "1": bp.Parameter(np.zeros(2))}
    with pytest.raises(bp.ParameterError, match=r"two parameters are called 'gates\.1'"):
        linear.state_dict()
    with pytest.raises(bp.ParameterError, match="two parameters"):
        linear.load_state_dict({})


class Held(Module):
    """It holds one buffer."""

    def __init__(self, values):
        self.b = bp.Buffer(values)


@pytest.mark.parametrize("values", [np.array([True, False]), np.array([100, -3], np.int8), np.array([7], np.uint64)])
def test_whatever_buffer_is_saved_is_read_again(values, tmp_path):
    bp.save(Held(values), tmp_path / "b.safetensors")
    again = bp.load(Held(np.zeros_like(values)), tmp_path / "b.safetensors").b.data
    assert again.dtype == values.dtype and np.array_equal(again, values)


def test_a_complex_buffer_is_refused_by_name_where_it_is_saved(tmp_path):
    with pytest.raises(bp.CheckpointError, match="b is complex128"):
        bp.save(Held(np.array([1j])), tmp_path / "b.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"b": np.array([300])}, "b holds a number that is too large for int8"),
        ({"b": [[1, 2], [3]]}, "b must be an array in the state"),
        ({0: np.array([1])}, "got the name 0"),
        ({"b": np.array([True])}, "b must hold real numbers in the state, got bool"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_words(state, words):
    with pytest.raises(bp.CheckpointError, match=words):
        Held(np.array([1], np.int8)).load_state_dict(state)


def test_lists_of_unequal_lengths_make_no_parameter():
    with pytest.raises(bp.ShapeError, match="of unequal lengths"):
        Parameter([[1, 2], [3]])


def test_names_of_quite_another_network_get_no_cure():
    net = Sequential(Linear(2, 3))
    with pytest.raises(bp.CheckpointError) as error:
        net.load_state_dict({"head.gain": np.ones(3)})
    assert "take" not in str(error.value)
    with pytest.raises(bp.CheckpointError, match="remove 'net.'"):
        net.load_state_dict({f"net.{name}": array for name, array in net.state_dict().items()})
