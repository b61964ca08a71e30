"""The training loop: it learns, it rejects the lecture's trap, it says where NaN came from, it is reproducible."""

import math
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import backprop as bp
import data_tools
from backprop.models.networks import MODELS
from backprop.training.evaluate import evaluate
from backprop.training.fit import fit


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
        "add Linear(784, 10) after it"
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
from backprop.models.networks import mlp
from backprop.training.fit import fit
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
    with pytest.raises(bp.OptionError, match="needs a loss with reduction 'mean', got 'none'"):
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


X, Y = np.random.default_rng(0).standard_normal((12, 4)).astype(np.float32), np.arange(12) % 3


def run(net, loss=None, x=X, y=Y, batch_size=4, optimizer=None, **options):
    """A short run of `fit` on arrays."""
    loader = {key: options.pop(key) for key in ("drop_last", "shuffle", "seed") if key in options}
    train = bp.DataLoader(x, y, batch_size, **loader)
    optimizer = optimizer or bp.SGD(net.parameters(), lr=0.1)
    return fit(net, loss or bp.CrossEntropyLoss(), optimizer, train, progress=False, **options)


def classifier(*layers, classes=3):
    return bp.Sequential(bp.Linear(4, 5), *layers, bp.Linear(5, classes))


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"x": X[:0], "y": Y[:0]}, bp.OptionError, "there is nothing to train on: 0 images$"),
        (
            {"batch_size": 64, "drop_last": True},
            bp.OptionError,
            "12 images, fewer than the 64 of a batch",
        ),
        ({"test": bp.DataLoader(X[:0], Y[:0])}, bp.OptionError, "there is nothing to test on"),
        ({"y": Y + 1}, bp.ShapeError, "labels are of 4 classes: they begin at 1; use y - 1$"),
        (
            {"y": Y - 1},
            bp.LabelError,
            "label -1 is out of range, at index 0: .*to skip such labels use ignore_index=-1",
        ),
        (
            {"y": Y % 2},
            bp.ShapeError,
            r"make it Linear\(5, 2\); or, .*use allow_wrong_classes=True",
        ),
        ({"y": Y[:, None]}, bp.ShapeError, r"use y\[:, 0\]"),
        ({"y": np.eye(3, dtype=int)[Y]}, bp.ShapeError, r"use y.argmax\(1\)"),
        ({"y": np.array(list("abc"))[Y]}, bp.LabelError, r"use np.unique\(y, return_inverse=True\)\[1\]"),
        (
            {"test": bp.DataLoader(X, np.array(list("abc"))[Y])},
            bp.LabelError,
            r"use np.unique\(y, return_inverse=True\)",
        ),
        ({"y": 0 * Y}, bp.ShapeError, "every label is 0, so there are no classes to tell apart"),
        ({"y": Y.astype(object)}, bp.LabelError, r"use y.astype\(np.int64\)"),
        (
            {"test": bp.DataLoader(X, Y + 1)},
            bp.LabelError,
            "the test set has label 3, the training set only 0 to 2; a class that is never trained",
        ),
        ({"test": bp.DataLoader(X, Y - 1)}, bp.LabelError, "label -1 of the test set is out of range, at index 0"),
        ({"test": bp.DataLoader(X, Y[:, None])}, bp.ShapeError, r"use y\[:, 0\]"),
        (
            {"test": bp.DataLoader(X[:, :3], Y)},
            bp.ShapeError,
            r"test images are \(3,\), training images \(4,\)",
        ),
    ],
)
def test_a_run_that_could_only_fail_is_refused_before_its_first_step(change, kind, words):
    net = classifier()
    before = net.state_dict()
    with pytest.raises(kind, match=words):
        run(net, **change)
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())


def test_a_last_batch_of_one_image_is_refused_before_batch_normalisation_meets_it():
    """It ended the run at the end of its first epoch."""
    net = classifier(bp.BatchNorm1d(5))
    with pytest.raises(bp.ShapeError, match="with 7 images in batches of 3 the last one has only one image"):
        run(net, x=X[:7], y=Y[:7], batch_size=3)
    assert net[1].num_batches_tracked.data == 0
    assert len(run(net, x=X[:7], y=Y[:7], batch_size=3, drop_last=True).losses) == 2
    assert len(run(classifier(bp.BatchNorm1d(5).eval()), x=X[:7], y=Y[:7], batch_size=3).losses) == 3


def test_the_trap_is_refused_for_log_probabilities_too():
    net = classifier(classes=5).append(bp.LogSoftmax())
    with pytest.raises(bp.ShapeError, match=r"Linear\(.*puts out 5 scores, but the labels are of 3 classes"):
        run(net, bp.NLLLoss())


def test_an_optimizer_of_another_network_and_a_network_that_is_frozen_are_refused():
    net = classifier()
    with pytest.raises(bp.ParameterError, match=r"holds no parameter of this network; make one for it: SGD\("):
        run(net, optimizer=bp.SGD(classifier().parameters(), lr=0.1))
    with pytest.raises(bp.ParameterError, match="every parameter is frozen"):
        run(net.requires_grad_(False))


def test_a_cycle_that_is_too_short_for_the_run_is_refused_before_it():
    net = classifier()
    sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with pytest.raises(bp.OptionError, match="OneCycleLR has 5 steps left, this run has 6 to go"):
        run(net, optimizer=sgd, schedule=bp.OneCycleLR(sgd, 0.1, 5), epochs=2)


def test_layers_that_were_set_to_evaluation_stay_so():
    """`fit` woke a frozen BatchNorm in each epoch, and its statistics moved."""
    net = classifier(bp.BatchNorm1d(5), bp.Dropout(0.5))
    net[1].eval()
    before = net[1].running_mean.data.copy()
    run(net, epochs=2, test=bp.DataLoader(X, Y, 4))
    np.testing.assert_array_equal(net[1].running_mean.data, before)
    assert [layer.training for layer in net] == [True, False, True, True]
    net.eval()
    run(net)
    assert all(layer.training for layer in net)


def test_a_frozen_batch_normalisation_follows_its_statistics_in_a_recorded_step_too():
    """A recording that copied them once would go on with old ones."""

    def train(by_hand):
        bp.manual_seed(0)
        net, loss = classifier(bp.BatchNorm1d(5)), bp.CrossEntropyLoss()
        net[1].eval()
        sgd = bp.SGD(net.parameters(), lr=0.1)

        def disturb(step):
            net[1].running_mean.data[...] += step
            net[1].running_var.data = net[1].running_var.data * 2

        if by_hand:
            for step, (x, y) in enumerate(bp.DataLoader(X, Y, 4), start=1):
                sgd.zero_grad()
                loss(net(x), y)
                net.backward(loss.backward())
                sgd.step()
                disturb(step)
        else:
            run(net, loss, optimizer=sgd, after_step=disturb)
        return {name: array.tobytes() for name, array in net.state_dict().items()}

    assert train(by_hand=True) == train(by_hand=False)


LOSSES = {
    "labels": bp.CrossEntropyLoss(ignore_index=2),
    "weights": bp.CrossEntropyLoss(weight=np.float32([1, 5, 0.5])),
    "weights of 0": bp.CrossEntropyLoss(weight=np.float32([1, 0, 0]), label_smoothing=0.1),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_and_accuracy_of_a_data_set_do_not_depend_on_its_batches(name):
    """Each batch counted as its images, though others of its labels did not count."""
    net, loss = classifier(), LOSSES[name]
    y = np.sort(Y)  # whole batches of one label
    whole = evaluate(net, loss, bp.DataLoader(X, y, 12))
    for size in (1, 2, 3, 4, 5, 7):
        assert evaluate(net, loss, bp.DataLoader(X, y, size)) == pytest.approx(whole, rel=1e-5)
    assert whole[0] == pytest.approx(loss(net.eval()(X), y), rel=1e-5)


def test_batches_without_a_label_that_counts_do_not_end_a_run():
    """Their loss is 0/0, and was taken for a network that diverges."""
    y = np.where(np.arange(12) < 4, -100, Y)
    net = classifier()
    history = run(net, y=y, epochs=2, test=bp.DataLoader(X, 0 * Y - 100, 4))
    assert math.isnan(history.losses[0])
    assert math.isfinite(history.epochs[-1].train_loss)
    assert math.isnan(history.epochs[-1].test_loss)
    assert np.isfinite(net[0].weight.data).all()


def test_a_buffer_or_frozen_parameter_may_be_infinite():
    """As a mask is."""

    class Masked(bp.Linear):
        def __init__(self):
            super().__init__(5, 3)
            self.mask = bp.Parameter([0.0, 0.0, -np.inf], requires_grad=False)

    run(bp.Sequential(bp.Linear(4, 5), Masked()), epochs=2)


def test_binary_answers_are_counted():
    x = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
    net = bp.Sequential(bp.Linear(1, 1))
    history = run(net, bp.BCEWithLogitsLoss(), x, (x > 0).astype(np.float32), epochs=60)
    assert history.epochs[-1].train_accuracy > 0.9


def test_the_check_before_the_first_step_draws_no_random_numbers_of_the_run():
    bp.manual_seed(0)
    net = classifier(bp.BatchNorm1d(5), bp.Dropout(0.5))
    bp.manual_seed(1)  # the dropout's stream begins anew at its next draw
    run(net, x=X[:9], y=Y[:9], drop_last=True)
    mask = net[2].stream.seed
    bp.manual_seed(1)
    other = classifier(bp.BatchNorm1d(5), bp.Dropout(0.5))
    bp.manual_seed(1)
    other(X[:4])
    assert other[2].stream.seed == mask


class Halving:
    """What a user's own loss computes: its mean, whatever the reduction."""

    def forward(self, a, b):
        self.cache = a, b
        return float(((a - b) ** 2).mean() / 2)

    def backward(self, delta=1.0):
        a, b = self.cache
        return (a - b) / np.float32(a.size)


class Halved(Halving, bp.MSELoss):
    """A loss."""


class NoLoss(Halving, bp.Module):
    """A module that stands for one."""

    def expect_delta(self, delta=1.0):
        return delta


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 3)).astype(np.float32), rng.normal(size=(16, 2)).astype(np.float32)
    return bp.DataLoader(x, y, batch_size=4)


@pytest.mark.parametrize("kind", [Halved, NoLoss])
def test_a_loss_of_ones_own_is_averaged_as_it_averages_itself(kind, pairs):
    net = bp.Linear(3, 2)
    expected = ((net(pairs.images) - pairs.labels) ** 2).mean() / 2
    np.testing.assert_allclose(evaluate(net, kind(), pairs)[0], expected, rtol=1e-6)
    history = fit(net, kind(), bp.SGD(net.parameters(), 1e-9), pairs, pairs, progress=False)
    np.testing.assert_allclose([history.epochs[0].train_loss, history.epochs[0].test_loss], expected, rtol=1e-6)


class OnlyBatches(bp.Module):
    """It cannot be copied, and takes four images, no fewer."""

    def __init__(self):
        self.linear, self.lock = bp.Linear(3, 2), threading.Lock()

    def forward(self, a):
        return self.linear(a.reshape(4, 3))

    def backward(self, delta):
        return self.linear.backward(delta)


class Fours(OnlyBatches):
    def __init__(self):
        self.linear = bp.Linear(3, 2)


@pytest.mark.parametrize("kind", [OnlyBatches, Fours])
def test_a_network_that_cannot_be_tried_before_the_run_trains_all_the_same(kind, pairs):
    net = kind()
    assert len(fit(net, bp.MSELoss(), bp.SGD(net.parameters(), 0.1), pairs, pairs, progress=False).losses) == 4


def test_a_plain_function_may_stand_for_a_loss_in_an_evaluation(pairs):
    net = bp.Linear(3, 2)
    expected = ((net(pairs.images) - pairs.labels) ** 2).mean()
    np.testing.assert_allclose(evaluate(net, lambda a, b: ((a - b) ** 2).mean(), pairs)[0], expected, rtol=1e-6)


def test_the_test_batch_that_is_not_finite_is_named_and_not_the_first_one():
    spoiled = X.copy()
    spoiled[9, 0] = np.nan
    with pytest.raises(bp.NonFiniteError, match="the batch itself holds NaN"):
        run(classifier(), test=bp.DataLoader(spoiled, Y, 4))


def test_without_a_bar_nothing_is_shared_with_forked_processes(monkeypatch):
    """tqdm's lock is shared by forks: of two that train, the one that is killed while it holds it stops the other."""
    monkeypatch.setattr("backprop.training.progress.tqdm", None)
    threads = threading.enumerate()
    history = run(classifier())
    assert len(history.epochs) == 1 and threading.enumerate() == threads


def test_the_seconds_of_an_epoch_are_those_that_it_took():
    started = time.perf_counter()
    history = run(classifier(), epochs=2)
    took = time.perf_counter() - started
    assert all(0 < epoch.seconds < took for epoch in history.epochs)


class Listed(bp.Module):
    """A layer whose parameters stand in a list, where nobody sees one replaced."""

    def __init__(self):
        self.parts = [bp.Linear(4, 4), bp.Linear(4, 3)]

    def forward(self, x):
        return self.parts[1](self.parts[0](x))

    def backward(self, delta):
        return self.parts[0].backward(self.parts[1].backward(delta))


def test_a_layer_that_was_replaced_in_a_list_after_the_optimizer_was_made_is_refused_before_training():
    net = Listed()
    sgd = bp.SGD(net.parameters())
    net.parts[1] = bp.Linear(4, 3)
    with pytest.raises(bp.ParameterError, match="parts.1.weight was replaced after the optimizer was made"):
        run(net, optimizer=sgd)
    assert len(run(net, optimizer=bp.SGD(net.parts[1].parameters())).losses) == 3  # a part alone may be trained


def test_a_last_convolution_of_the_wrong_size_gets_its_own_cure():
    images, labels = np.zeros((4, 1, 3, 3), np.float32), np.arange(36).reshape(4, 3, 3) % 3
    with pytest.raises(bp.ShapeError, match=r"make it Conv2d\(1, 3, \.\.\.\)"):
        run(bp.Sequential(bp.Conv2d(1, 7, 3, padding=1)), x=images, y=labels)


def test_predict_goes_through_all_samples_in_evaluation_and_restores_the_mode(rng):
    net = bp.Sequential(bp.Flatten(), bp.Linear(12, 3), bp.BatchNorm1d(3), bp.Dropout(0.5))
    images = rng.integers(0, 256, (10, 3, 4), np.uint8)
    found = bp.predict(net, images, batch_size=4)
    assert net.training and found.shape == (10, 3)
    with net.evaluating():
        np.testing.assert_allclose(found, net(images.astype(np.float32) / 255), rtol=1e-5, atol=1e-6)
    assert bp.predict(net, images[:0]).shape == (0, 3)
