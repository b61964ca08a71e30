"""The training loop: it learns, it refuses the lecture's trap, it says where NaN came from, it repeats itself."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import backprop as bp
import data_tools
from backprop.models import MODELS
from backprop.train import evaluate, fit


@pytest.fixture
def digits(small_digits):
    data = data_tools.load(small_digits)
    train = bp.DataLoader(data.train_images, data.train_labels, batch_size=32, shuffle=True, seed=0)
    return train, bp.DataLoader(data.test_images, data.test_labels, batch_size=50)


def learn(model, train, test=None, lr=0.1, epochs=4, **options):
    net = MODELS[model]()
    return net, fit(
        net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr, 0.9), train, test, epochs, progress=False, **options
    )


def test_an_mlp_learns_synthesized_digits(digits, each_kernels):
    net, history = learn("mlp", *digits)
    assert history.epochs[-1].test_accuracy > 0.9
    assert history.epochs[-1].train_loss < history.epochs[0].train_loss
    assert len(history.losses) == 4 * len(digits[0])
    assert evaluate(net, bp.CrossEntropyLoss(), digits[1]) == (
        pytest.approx(history.epochs[-1].test_loss),
        history.epochs[-1].test_accuracy,
    )


def test_784_scores_for_10_classes_are_refused_before_the_first_step(digits):
    net = MODELS["bias"]()
    with pytest.raises(bp.ShapeError) as caught:
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), *digits, progress=False)
    assert str(caught.value) == (
        "the last layer, Bias(num_features=784), puts out 784 scores, but the labels are of 10 classes: "
        "add Linear(784, 10) behind it"
    )
    assert all(not parameter.data.any() for parameter in net.parameters())


def test_a_last_linear_layer_of_the_wrong_size_gets_its_own_cure(digits):
    net = bp.Sequential(bp.Flatten(), bp.Linear(784, 100))
    with pytest.raises(bp.ShapeError, match=r"make it Linear\(784, 10\)$"):
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), *digits, progress=False)


def test_the_trap_opens_when_asked_by_name(digits):
    _, history = learn("bias", *digits, epochs=1, allow_wrong_classes=True)
    assert len(history.losses) == len(digits[0])


def train_with(value, digits, layer=1):
    net = MODELS["mlp"]()
    net[layer].weight.data[0] = value
    fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), *digits, progress=False)


def test_a_parameter_that_is_not_finite_is_named_with_the_step(digits):
    with pytest.raises(bp.NonFiniteError, match=r"^step 0: 3.weight holds NaN or infinity"):
        train_with(np.nan, digits, layer=3)


def test_a_layer_that_overflows_is_named_with_the_pass(digits):
    with pytest.raises(bp.NonFiniteError, match=r"^step 0: forward pass, layer 1 \(Linear\) puts out NaN or infinity"):
        train_with(3e38, digits)


def test_a_batch_that_is_not_finite_is_named(digits):
    images = np.zeros((4, 784), np.float32)
    images[1, 2] = np.nan
    loader = bp.DataLoader(images, np.arange(4), batch_size=4)
    with pytest.raises(bp.NonFiniteError, match="step 0: the batch itself"):
        learn("linear", loader, allow_wrong_classes=True)


def test_a_learning_rate_that_explodes_ends_in_a_named_error_not_in_nan(digits):
    with pytest.raises(bp.NonFiniteError, match=r"^step \d+: "):
        learn("mlp", digits[0], lr=1e20)


def test_with_the_check_off_training_goes_on(digits):
    _, history = learn("mlp", digits[0], lr=1e20, epochs=1, check_finite=False)
    assert math.isnan(history.losses[-1])


def test_ctrl_c_keeps_what_there_is(digits):
    net = MODELS["linear"]()
    steps = []

    def interrupt(*_):
        steps.append(1)
        if len(steps) == 30:
            raise KeyboardInterrupt

    net.register_full_backward_hook(interrupt)
    history = fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.1), *digits, epochs=9, progress=False)
    assert history.interrupted
    assert len(history.epochs) == 1
    assert len(history.losses) == 29


def test_training_switches_the_mode_and_evaluation_gives_it_back(digits):
    net, modes = MODELS["linear"](), []
    net.register_forward_hook(lambda module, *_: modes.append(module.training))
    fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), *digits, progress=False)
    assert set(modes[: len(digits[0])]) == {True}, "the check of the trap runs no hooks of the user"
    assert set(modes[len(digits[0]) :]) == {False}
    assert net.training


def test_regression_trains_too():
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    loader = bp.DataLoader(x, np.sin(3 * x), batch_size=16, shuffle=True, seed=0)
    net = bp.Sequential(bp.Linear(1, 16), bp.Tanh(), bp.Linear(16, 1))
    history = fit(net, bp.MSELoss(), bp.SGD(net.parameters(), 0.1, 0.9), loader, epochs=100, progress=False)
    assert history.losses[-1] < 0.01
    assert math.isnan(history.epochs[-1].train_accuracy)


BITS = """
import hashlib, sys, numpy as np, backprop as bp
from backprop.models import mlp
from backprop.train import fit
bp.set_num_threads(int(sys.argv[1]))
bp.manual_seed(3)
rng = np.random.default_rng(0)
loader = bp.DataLoader(rng.integers(0, 256, (500, 28, 28)).astype(np.uint8), rng.integers(0, 10, 500), 64, True)
net = mlp()
history = fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), 0.05, 0.9), loader, epochs=3, progress=False)
digest = hashlib.sha256()
for parameter in net.parameters():
    digest.update(parameter.data.tobytes())
print(digest.hexdigest(), history.losses[-1].hex())
"""


def test_a_seed_gives_the_same_bits_with_1_and_2_threads_and_again():
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}

    def run(threads):
        command = [sys.executable, "-c", BITS, str(threads)]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    assert run(1) == run(2) == run(2)


def test_a_loss_that_does_not_average_is_refused(digits):
    net = MODELS["linear"]()
    with pytest.raises(bp.OptionError, match="wants a loss with reduction 'mean', got 'none'"):
        fit(net, bp.CrossEntropyLoss(reduction="none"), bp.SGD(net.parameters()), digits[0], progress=False)


def test_a_network_that_begins_with_nan_is_not_blamed_on_an_update(digits):
    with pytest.raises(bp.NonFiniteError, match="step 0: 1.weight holds NaN or infinity: it did so before training"):
        train_with(np.nan, digits)


def test_of_several_parameters_that_are_not_finite_the_last_is_blamed(digits):
    net = MODELS["mlp"]()
    for parameter in net.parameters():
        parameter.data[...] = np.nan
    with pytest.raises(bp.NonFiniteError, match="step 0: 3.bias holds NaN"):
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), *digits, progress=False)


def test_nan_from_the_last_backward_of_an_epoch_is_found(digits):
    class Spoiled(bp.Linear):
        def backward(self, delta):
            return super().backward(delta) * np.float32(np.nan)

    net = bp.Sequential(bp.Flatten(), bp.Linear(784, 16), Spoiled(16, 10))
    loader = bp.DataLoader(digits[0].images, digits[0].labels, batch_size=1000)
    with pytest.raises(bp.NonFiniteError, match="step 1: 1.bias holds NaN .* backward pass or the update of step 0"):
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.1), loader, progress=False)


def test_targets_that_are_not_finite_are_named():
    x = np.ones((4, 1), np.float32)
    loader = bp.DataLoader(x, x * np.nan, batch_size=2)
    net = bp.Sequential(bp.Linear(1, 1))
    with pytest.raises(bp.NonFiniteError, match="step 0: the targets hold NaN"):
        fit(net, bp.MSELoss(), bp.SGD(net.parameters()), loader, progress=False)


def test_classes_are_counted_over_the_whole_training_set_and_the_test_set_may_not_have_more():
    images, labels = np.zeros((100, 784), np.uint8), np.zeros(100, int)
    labels[-1] = 9
    net = bp.Sequential(bp.Linear(784, 9))
    with pytest.raises(bp.ShapeError, match=r"labels are of 10 classes: make it Linear\(784, 10\)"):
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), bp.DataLoader(images, labels, 8), progress=False)
    train, test = bp.DataLoader(images[:50], labels[:50] + 8, 8), bp.DataLoader(images, labels, 8)
    with pytest.raises(bp.LabelError, match="the test set has label 9, the training set only 0 to 8"):
        fit(net, bp.CrossEntropyLoss(), bp.SGD(net.parameters()), train, test, progress=False)


def test_evaluation_gives_each_layer_its_own_mode_back(digits):
    net = MODELS["mlp"]()
    net[1].eval()
    evaluate(net, bp.CrossEntropyLoss(), digits[1])
    assert [layer.training for layer in net] == [True, False, True, True]
