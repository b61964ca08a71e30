"""Layers, losses, optimizers and training with arrays on a GPU: the simulator's, where there is none."""

import copy
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

import backprop as bp
from backprop import functional as F
from backprop.graph.formulas import OnTheCPU
from backprop.kernels.device import device_of, is_array
from backprop.layers.more_pool import MaxUnpooling
from backprop.lecture.examples import examples
from backprop.loss.formulas import Formula
from backprop.training.evaluate import evaluate
from backprop.training.fit import fit

pytest.importorskip("numba.cuda")
EXAMPLES = examples()


ON_THE_CPU = OnTheCPU, Formula, bp.MultiMarginLoss, MaxUnpooling, bp.CTCLoss, bp.SyncBatchNorm


def there(a):
    """The same on the GPU: an array, or a tuple of such."""
    return tuple(map(there, a)) if isinstance(a, tuple) else bp.to_device(a) if isinstance(a, np.ndarray) else a


def here(a):
    return tuple(map(here, a)) if isinstance(a, tuple) else bp.to_host(a) if is_array(a) else a


def passed_through(module, inputs, device):
    """(output, deltas of the inputs, gradients, buffers) of one forward and backward pass in float64."""
    module = module.bare_copy().to(np.float64).to(device)
    for _, stream in module.named_streams():
        stream.seek(5, 0)
    inputs = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in inputs]
    output = module(*(map(there, inputs) if device == "cuda" else inputs))
    learns = [a for a in output if a.dtype.kind == "f"] if isinstance(output, tuple) else [output]
    rng = np.random.default_rng(0)
    probes = [rng.standard_normal(np.shape(a)) for a in learns]
    deltas = [bp.to_device(probe, device) if is_array(learns[0]) else float(probe) for probe in probes]
    below = module.backward(*deltas)
    grads = {path: p.grad for path, p in module.named_parameters()}
    return output, below, grads, {path: b.data for path, b in module.named_buffers()}


def assert_same(found, expected, **tolerance):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = tuple(found.values()), tuple(expected.values())
    if isinstance(expected, tuple):
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other, **tolerance)
    elif expected is None:
        assert found is None
    else:
        np.testing.assert_allclose(here(found), here(expected), **tolerance)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{type(e.module).__name__}, {e.title}")
def test_every_layer_and_loss_computes_on_the_gpu_what_the_reference_does(example):
    with bp.use_kernels("reference"):
        expected = passed_through(example.module, example.inputs, "cpu")
    if isinstance(example.module, ON_THE_CPU):  # refused by name
        with pytest.raises(bp.DeviceError, match=f"{type(example.module).__name__}: does not run on a GPU"):
            passed_through(example.module, example.inputs, "cuda")
        return
    found = passed_through(example.module, example.inputs, "cuda")
    assert all(device_of(a) == "cuda" for a in found[2].values() if a is not None)
    assert_same(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (bp.Linear(3, 2), (2, 3)),
        (bp.Conv2d(1, 2, 2, padding=1), (1, 1, 2, 2)),
        (bp.Sigmoid(), (2, 2)),
        (bp.BatchNorm1d(2), (3, 2)),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, bp.Module) else "",
)
def test_gradients_on_the_gpu_agree_with_finite_differences_of_its_own_forward(layer, shape, rng):
    report = bp.gradcheck(layer.to("cuda"), bp.to_device(rng.standard_normal(shape)))
    report.raise_if_wrong()
    assert report.rows[-1].entries == np.prod(shape)


def test_a_wrong_gradient_on_the_gpu_is_found():
    class Wrong(bp.Linear):
        def backward(self, delta):
            super().backward(delta)
            return F.linear_input_grad(F.add(delta, delta), self.weight)

    with pytest.raises(bp.GradientError):
        bp.gradcheck(Wrong(3, 2).to("cuda"), np.ones((2, 3))).raise_if_wrong()


def lenet():
    bp.manual_seed(0)
    return bp.Sequential(
        *(bp.Conv2d(1, 2, 3, padding=1), bp.ReLU(), bp.MaxPool2d(2)),
        *(bp.Conv2d(2, 2, 2), bp.ReLU(), bp.Flatten()),
        *(bp.Linear(8, 4), bp.ReLU(), bp.Linear(4, 3)),
    )


def trained(device, net=None, optimizer=lambda p: bp.SGD(p, lr=0.1, momentum=0.9), epochs=1, count=8):
    """(losses, right answers, weights, test) after some epochs on a few noisy images."""
    rng = np.random.default_rng(0)
    net = (net or lenet()).to(device)
    images, labels = rng.integers(0, 256, (count, 1, 6, 6)).astype(np.uint8), np.arange(count) % 3
    loader = bp.DataLoader(images, labels, batch_size=3, shuffle=True, seed=0, device=device)
    learner = optimizer(net.parameters())
    schedule = bp.LinearLR(learner, 1, 0, total_iters=epochs * len(loader))
    history = fit(net, bp.CrossEntropyLoss(), learner, loader, epochs=epochs, schedule=schedule, progress=False)
    return history.losses, history.correct, net.state_dict(), evaluate(net, bp.CrossEntropyLoss(), loader)


def test_a_small_lenet_trained_on_the_gpu_has_the_losses_of_the_cpu():
    there, here = trained("cuda", epochs=2), trained("cpu", epochs=2)
    np.testing.assert_allclose(there[0], here[0], rtol=1e-5)
    assert there[1] == here[1]
    assert_same(there[2], here[2], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(there[3], here[3], rtol=1e-5)


def test_training_again_on_the_gpu_gives_the_same_bits():
    runs = [trained("cuda") for _ in range(2)]
    assert runs[0][0] == runs[1][0]
    assert all(np.array_equal(runs[0][2][path], runs[1][2][path]) for path in runs[0][2])


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: bp.Adam(p, lr=0.01, amsgrad=True),
        lambda p: bp.AdamW(p, lr=0.01),
        lambda p: bp.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
        lambda p: bp.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    ],
    ids=["adam", "adamw", "rmsprop", "nesterov"],
)
def test_each_optimizer_moves_parameters_on_the_gpu_as_on_the_cpu(optimizer):
    def net():
        bp.manual_seed(0)
        return bp.Sequential(bp.Flatten(), bp.Dropout(0.3), bp.Linear(36, 3, bias=False), bp.BatchNorm1d(3))

    there, here = (trained(device, net(), optimizer) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(there[0], here[0], rtol=1e-5)
    assert_same(there[2], here[2], rtol=1e-4, atol=1e-5)


def test_an_optimizer_follows_its_parameters_to_the_gpu(rng):
    layer = bp.Linear(3, 2)
    sgd, x = bp.SGD(layer.parameters(), lr=0.1, momentum=0.9), rng.standard_normal((4, 3)).astype(np.float32)
    twin = copy.deepcopy(layer)
    for module, learner in ((layer, sgd), (twin, bp.SGD(twin.parameters(), lr=0.1, momentum=0.9))):
        for step in range(3):
            if module is layer and step == 1:
                layer.to("cuda")
            module.zero_grad()
            y = module(bp.to_device(x, layer.device if module is layer else "cpu"))
            module.backward(y)
            learner.step()
    moved = layer.weight.data, layer.weight.grad, sgd.state[layer.weight]["momentum"]
    assert {device_of(a) for a in moved} == {"cuda"}
    assert_same(layer.state_dict(), twin.state_dict(), rtol=1e-5, atol=1e-7)


def test_weights_go_to_the_gpu_and_back_unchanged(tmp_path):
    net = lenet()
    before = net.state_dict()
    net.to("cuda")
    assert net.device == "cuda"
    assert all(isinstance(a, np.ndarray) for a in net.state_dict().values())
    bp.save(net, tmp_path / "net.safetensors")
    other = bp.load(lenet().to("cuda"), tmp_path / "net.safetensors")
    twin = copy.deepcopy(other)
    other[0].weight.data.fill(0)
    for one in (twin, net.to("cpu")):
        assert all(np.array_equal(one.state_dict()[path], before[path]) for path in before)
    assert net.device == "cpu"


def test_a_gradient_goes_with_its_parameter():
    layer = bp.Linear(3, 2)
    layer.backward(layer(np.ones((1, 3), np.float32)))
    before = layer.weight.grad.copy()
    assert np.array_equal(bp.to_host(layer.to("cuda").weight.grad), before)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_loader_makes_the_same_batches_wherever_its_data_lie(device):
    """Pixels, numbers of words, targets that are vectors: whole and in order."""
    pixels = bp.DataLoader(
        np.arange(12, dtype=np.uint8).reshape(3, 2, 2), np.array([2, 0, 1], np.uint8), 2, device=device
    )
    words = bp.DataLoader(np.arange(6, dtype=np.int16).reshape(3, 2), np.eye(3), 2, dtype=np.int64, device=device)
    (x, y), (last, _) = pixels
    assert device_of(x) == device_of(y) == device
    np.testing.assert_allclose(here(x), np.arange(8).reshape(2, 2, 2) / 255, rtol=1e-6)
    assert here(y).tolist() == [2, 0] and last.shape == (1, 2, 2)
    (x, y), _ = words
    assert here(x).tolist() == [[0, 1], [2, 3]] and x.dtype == np.int64
    assert here(y).tolist() == np.eye(3)[:2].tolist()


# Nothing crosses by itself.


def test_a_plain_array_given_to_a_network_on_the_gpu_is_refused_with_the_cure():
    net = bp.Sequential(bp.Linear(3, 2)).to("cuda")
    message = (
        "layer 0 (Linear): expects an array on 'cuda', got one of shape (1, 3) on 'cpu'; use bp.to_device(x, 'cuda')"
    )
    with pytest.raises(bp.DeviceError, match=re.escape(message)):
        net(np.ones((1, 3), np.float32))


def test_an_array_on_the_gpu_given_to_a_network_on_the_cpu_is_refused_with_the_cure():
    with pytest.raises(bp.DeviceError, match=r"on 'cuda'; use bp.to_host\(x\), or net.to\('cuda'\)"):
        bp.Linear(3, 2)(bp.to_device(np.ones((1, 3), np.float32)))


def test_labels_on_the_cpu_for_scores_on_the_gpu_are_refused():
    with pytest.raises(bp.DeviceError, match=r"CrossEntropyLoss: expects an array on 'cuda'.*bp.to_device"):
        bp.CrossEntropyLoss()(bp.to_device(np.ones((2, 3), np.float32)), np.array([0, 1]))


def test_a_bad_label_on_the_gpu_is_named():
    z = bp.to_device(np.ones((2, 3), np.float32))
    with pytest.raises(bp.LabelError, match=r"labels in \[0, 3\), got 7 at index 1"):
        bp.CrossEntropyLoss()(z, bp.to_device(np.array([0, 7])))


def test_numpy_is_refused_to_read_an_array_on_the_gpu():
    a = bp.to_device(np.ones(3))
    for use in (
        np.asarray,
        np.sum,
        np.exp,
        lambda a: np.add.reduce(a),
        lambda a: a + np.ones(3),
        lambda a: np.ones(3) * a,
    ):
        with pytest.raises((bp.DeviceError, TypeError), match="bp.to_host|bp.to_device"):
            use(a)


def test_whole_arrays_on_the_gpu_are_added_and_multiplied(rng):
    x, y = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    a, b = bp.to_device(x), bp.to_device(y)
    for compute in (
        *(lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: -a, lambda a, b: 1 - a * a),
        *(
            lambda a, b: 2 * a + b - 3,
            lambda a, b: np.tanh(a),
            lambda a, b: np.subtract(2, b),
            lambda a, b: a * np.float64(3),
        ),
    ):
        np.testing.assert_allclose(bp.to_host(compute(a, b)), compute(x, y), rtol=1e-14)
    with pytest.raises(
        bp.ShapeError, match=r"np.add on the GPU expects floats of one shape and type.*\(2, 3\) and .*\(3,\)"
    ):
        a + b[0]


def test_a_graph_of_values_learns_on_the_gpu(rng):
    x, w = rng.standard_normal((4, 3)), bp.Parameter(bp.to_device(rng.standard_normal((3, 2))))
    twin = bp.Parameter(bp.to_host(w.data))
    for parameter, a in ((w, bp.to_device(x)), (twin, x)):
        v = bp.Value(parameter)
        y = np.tanh(np.matmul(bp.Value(a, requires_grad=False), v)) * 2 - 1
        y.backward(F.filled(1, (4, 2), y.data))
        y.backward(F.filled(1, (4, 2), y.data))
    assert device_of(w.grad) == "cuda"
    np.testing.assert_allclose(bp.to_host(w.grad), twin.grad, rtol=1e-12)


def test_complex_numbers_are_refused():
    with pytest.raises(bp.DeviceError, match="numbers must be real, got complex128"):
        bp.to_device(np.ones(3, complex))
    with pytest.raises(bp.DTypeError, match="cuda kernels compute float32 or float64"):
        F.relu(bp.to_device(np.arange(3)))


def test_nan_on_the_gpu_is_blamed_on_its_layer():
    net = bp.Sequential(bp.Linear(36, 3))
    net[0].weight.data[0, 0] = np.nan
    with pytest.raises(bp.NonFiniteError, match="weight holds NaN"):
        trained("cuda", bp.Sequential(bp.Flatten(), net))


def test_without_gpu_and_simulator_the_error_says_what_was_looked_for():
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    environment["CUDA_VISIBLE_DEVICES"] = "-1"
    program = "import backprop as bp; bp.Linear(2, 1).to('cuda')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert "DeviceError: no GPU found: looked for NVIDIA's driver, a CUDA device" in done.stderr
    assert "to run on the CPU, use device='cpu'" in done.stderr


@pytest.mark.parametrize("layer", [bp.Embedding(3, 2), bp.BatchNorm1d(2)], ids=["embedding", "batch norm"])
def test_layers_with_tables_and_counters_say_where_the_input_should_be(layer):
    x = np.array([0, 1]) if isinstance(layer, bp.Embedding) else np.ones((3, 2), np.float32)
    with pytest.raises(bp.DeviceError, match=r"on 'cuda'; use bp.to_host"):
        layer(bp.to_device(x))
    with pytest.raises(bp.DeviceError, match=r"on 'cpu'; use bp.to_device"):
        layer.to("cuda")(x)
    layer.to("cpu")


def test_a_move_that_fails_leaves_the_network_as_it_was(monkeypatch):
    net = bp.Sequential(bp.Linear(3, 2), bp.Linear(2, 1)).to(np.float64)
    before, put = net.state_dict(), []

    def full(array, device="cuda"):
        put.append(array)
        if len(put) == 3:
            raise bp.DeviceError("no memory left")
        return bp.to_device(array, device)

    monkeypatch.setattr("backprop.module.parameter.to_device", full)
    with pytest.raises(bp.DeviceError, match="no memory left"):
        net.to("cuda", np.float32)
    assert net.device == "cpu" and {p.dtype for p in net.parameters()} == {np.dtype(np.float64)}
    assert all(np.array_equal(net.state_dict()[path], before[path]) for path in before)


def test_what_an_array_on_the_gpu_cannot_do_names_the_way_to_the_cpu():
    a = bp.to_device(np.ones((2, 3)))
    with pytest.raises(AttributeError, match=r"no 'sum'; use bp.to_host\(x\).sum"):
        a.sum()
    with pytest.raises(bp.DeviceError, match=r"cannot be pickled; use net.to\('cpu'\)"):
        pickle.dumps(a)
    assert float(a[0, 0]) == 1 and bool(a[0, 0])


def test_without_numba_cuda_the_error_says_so():
    program = (
        "import sys; sys.modules['numba.cuda'] = None\n"
        "import backprop as bp\n"
        "from backprop.kernels.transfer import device_named\n"
        "assert device_named('auto') == 'cpu'\n"
        "bp.Linear(2, 1).to('cuda')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "DeviceError: the CUDA kernels need numba-cuda, which is missing" in done.stderr


# The arrays themselves.


def test_parts_of_an_array_are_views(rng):
    x = rng.standard_normal((3, 2, 4))
    a = bp.to_device(x)
    for index in (0, -1, slice(1, 3), None, (0, 1), (1, slice(0, 1)), (slice(None), None), (2, 1, 3), ..., (0, ...)):
        assert np.array_equal(bp.to_host(a[index]), x[index]), index
    assert a[1:].memory is a.memory
    assert [bp.to_host(row).tolist() for row in a] == x.tolist()
    assert np.array_equal(bp.to_host(a.reshape(-1, 8)), x.reshape(-1, 8))
    a[1] = a[0]
    assert np.array_equal(bp.to_host(a)[1], x[0])


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (3, IndexError),
        ((slice(None), 0), bp.DeviceError),
        (slice(None, None, 2), bp.DeviceError),
        ((0, 0, 0, 0), IndexError),
        ((..., 0), bp.DeviceError),
        ([0, 1], bp.DeviceError),
        (np.array([0, 1]), bp.DeviceError),
        (True, bp.DeviceError),
    ],
)
def test_what_does_not_lie_in_one_piece_is_refused(index, error):
    with pytest.raises(error):
        bp.to_device(np.ones((3, 2, 4)))[index]


@pytest.mark.parametrize("shape", [(5, 5), (-1, -1), (-2, -12), (0, -1), (4, -1, 5)])
def test_an_array_takes_no_shape_that_it_has_not_the_entries_for(shape):
    with pytest.raises(bp.ShapeError, match=r"cannot reshape \(3, 2, 4\)"):
        bp.to_device(np.ones((3, 2, 4))).reshape(shape)
    assert bp.to_device(np.ones((3, 2, 4))).reshape(np.int64(6), -1).shape == (6, 4)


def test_memory_is_used_again_only_when_no_view_is_left():
    a = F.relu(bp.to_device(np.ones((5, 3))))
    view, memory = a[1:], id(a.memory)
    del a
    assert id(F.relu(bp.to_device(np.ones((5, 3)))).memory) != memory
    assert bp.to_host(view).tolist() == np.ones((4, 3)).tolist()
    del view
    assert memory in [id(F.relu(bp.to_device(np.ones((5, 3)))).memory) for _ in range(3)]


def test_whole_arrays_are_joined_cut_and_stretched_as_numpy_does(rng):
    x, y = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 1, 2))
    a, b = bp.to_device(x), bp.to_device(y)
    assert np.array_equal(bp.to_host(F.joined([a, b], axis=1)), np.concatenate([x, y], axis=1))
    assert np.array_equal(bp.to_host(F.stacked([a, a])), np.stack([x, x]))
    assert np.array_equal(bp.to_host(F.cut(a, 1, 1, 3)), x[:, 1:3])
    assert np.array_equal(bp.to_host(F.flipped(a)), x[::-1])
    assert np.array_equal(bp.to_host(F.swapped(a)), x.swapaxes(0, 1))
    assert np.array_equal(bp.to_host(F.multiply(a, b)), x * y)
    left, right = rng.standard_normal((2, 3, 4)), rng.standard_normal((4, 2))
    delta = rng.standard_normal((2, 3, 2))
    found = F.matmul_backward(*map(bp.to_device, (delta, left, right)))
    np.testing.assert_allclose(bp.to_host(F.matmul(*map(bp.to_device, (left, right)))), left @ right)
    assert_same(found, F.matmul_backward(delta, left, right), rtol=1e-12)
