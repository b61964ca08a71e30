"""Held-out images, the best weights kept, an early end, and clipped gradients."""

import numpy as np
import pytest

import backprop as bp
from backprop.errors import OptionError
from backprop.training.data import split
from backprop.training.evaluate import evaluate


def parts(seed=0, count=60):
    """A network, its optimizer, batches to learn from and others: too many weights for so few samples of noise."""
    bp.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((count, 8)).astype(np.float32), rng.integers(0, 3, count)
    net = bp.Sequential(bp.Linear(8, 32), bp.ReLU(), bp.Dropout(0.1), bp.Linear(32, 3))
    learned, held = split(count, 0.4, seed)
    train = bp.DataLoader(x[learned], y[learned], batch_size=7, shuffle=True, seed=1)
    return net, bp.SGD(net.parameters(), lr=0.2, momentum=0.9), train, bp.DataLoader(x[held], y[held], batch_size=9)


def run(epochs=12, **options):
    net, sgd, train, held = parts()
    history = bp.fit(net, bp.CrossEntropyLoss(), sgd, train, held, epochs, progress=False, **options)
    return net, history, held


def test_the_weights_of_the_best_epoch_are_kept_and_not_the_last_ones():
    net, history, held = run(keep_best=True)
    losses = [epoch.test_loss for epoch in history.epochs]
    assert history.best_epoch == int(np.argmin(losses)) < 11
    found, _ = evaluate(net, bp.CrossEntropyLoss(), held)
    assert found == pytest.approx(min(losses), rel=1e-6) and found < losses[-1]


def test_a_run_ends_after_so_many_epochs_without_a_better_one():
    _, whole, _ = run()
    for patience in (1, 2, 4):
        _, history, _ = run(patience=patience)
        losses = [epoch.test_loss for epoch in history.epochs]
        assert losses == [epoch.test_loss for epoch in whole.epochs][: len(losses)]
        waited = [len(losses[: n + 1]) - 1 - int(np.argmin(losses[: n + 1])) for n in range(len(losses))]
        assert waited.index(patience) == len(losses) - 1 if patience in waited else len(losses) == 12


def test_a_resumed_run_keeps_the_same_best_weights_and_ends_at_the_same_epoch(tmp_path):
    options = {"keep_best": True, "patience": 3}
    net, history, _ = run(**options)
    for stop in (3, 11, 16, 10**6):

        def interrupt(done, stop=stop):
            if done == stop:
                raise KeyboardInterrupt

        again, sgd, train, held = parts()
        checkpoint = bp.Checkpoint(tmp_path / f"{stop}.safetensors", every=0)
        told = {"epochs": 12, "progress": False, "checkpoint": checkpoint, **options}
        first = bp.fit(again, bp.CrossEntropyLoss(), sgd, train, held, after_step=interrupt, **told)
        assert first.interrupted == (stop < 100)
        bp.manual_seed(99)
        again, sgd, train, held = parts(seed=0)
        known = checkpoint.load(again, sgd, None, train)
        second = bp.fit(again, bp.CrossEntropyLoss(), sgd, train, held, history=known, **told)
        assert second.losses == history.losses and second.best_epoch == history.best_epoch
        for name, array in net.state_dict().items():
            assert array.tobytes() == again.state_dict()[name].tobytes(), (stop, name)


def test_what_chooses_weights_must_be_given():
    net, sgd, train, _ = parts()
    for options in ({"keep_best": True}, {"patience": 2}):
        with pytest.raises(OptionError, match="need a test set"):
            bp.fit(net, bp.CrossEntropyLoss(), sgd, train, progress=False, **options)
    with pytest.raises(OptionError, match="patience"):
        run(patience=0)


@pytest.mark.parametrize("share", [0, 1, 0.001, 1.5, -0.1, float("nan")])
def test_a_share_that_leaves_nothing_is_refused(share):
    with pytest.raises(OptionError, match="share"):
        split(10, share)


def test_a_split_has_each_sample_once_and_follows_from_the_seed():
    for count, share in ((10, 0.3), (1000, 0.1), (3, 0.5)):
        learned, held = split(count, share, 5)
        assert sorted([*learned, *held]) == list(range(count)) and len(held) == round(count * share)
        assert all(map(np.array_equal, (learned, held), split(count, share, 5)))
    assert not np.array_equal(split(1000, 0.1, 5)[1], split(1000, 0.1, 6)[1])


@pytest.mark.parametrize("options", [{"clip_norm": 0.5}, {"clip_value": 0.01}, {"clip_norm": 0.2, "clip_value": 0.05}])
def test_fit_clips_as_the_loop_by_hand_does(options):
    net, _, _ = run(epochs=3, **options)
    other, sgd, train, _ = parts()
    loss = bp.CrossEntropyLoss()
    for _ in range(3):
        for x, y in train:
            sgd.zero_grad()
            loss(other(x), y)
            other.backward(loss.backward())
            if "clip_value" in options:
                bp.clip_grad_value_(other.parameters(), options["clip_value"])
            if "clip_norm" in options:
                bp.clip_grad_norm_(other.parameters(), options["clip_norm"])
            sgd.step()
    for name, array in net.state_dict().items():
        assert array.tobytes() == other.state_dict()[name].tobytes(), name
    plain, _, _ = run(epochs=3)
    assert not np.array_equal(plain[0].weight.data, net[0].weight.data)


def test_norms_whose_squares_overflow_or_vanish_are_right_all_the_same():
    for size in (1e25, 1e-25, 3.0):
        w = bp.Parameter(np.zeros(4, np.float32))
        w.accumulate(np.full(4, size, np.float32))
        assert bp.clip_grad_norm_([w], 1e30) == pytest.approx(2 * size, rel=1e-6)
