"""One process with shards: the step of the whole batch, to rounding, whatever is in it."""

import numpy as np
import pytest

import backprop as bp
from backprop.training import parallel
from backprop.training.parallel.lockstep import Lockstep
from tests.training.parallel.learn import train


def network(dtype=np.float64, *, last=()):
    bp.manual_seed(3)
    layers = bp.Linear(6, 8, dtype=dtype), bp.Tanh(), bp.Dropout(0.4), bp.Linear(8, 3, dtype=dtype)
    return bp.Sequential(*layers, *last)


def data(rng, count=23):
    return rng.standard_normal((count, 6)), rng.integers(0, 3, count)


def gradients(net, loss, x, y, shards, times=1):
    """(losses, gradients, the step) of a batch in so many shards."""
    with bp.parallel(shards):
        step = bp.compile(net, loss)
        found = []
        for _ in range(times):
            found.append(step(x, y))
            step.backward()
    return found, [p.grad.copy() for p in net.parameters() if p.grad is not None], step


@pytest.mark.parametrize("shards", [2, 3, 8, 40])
@pytest.mark.parametrize(
    "loss",
    [
        bp.CrossEntropyLoss(),
        bp.CrossEntropyLoss(ignore_index=1),
        bp.CrossEntropyLoss(weight=np.array([0.2, 1.0, 3.0]), label_smoothing=0.1),
        bp.CrossEntropyLoss(reduction="sum"),
    ],
    ids=["mean", "some ignored", "weighed", "sum"],
)
def test_the_gradients_are_those_of_the_whole_batch_not_the_mean_of_the_shards_means(loss, shards, rng):
    x, y = data(rng)
    [expected], plain, _ = gradients(network(), loss, x, y, 1)
    [L], found, step = gradients(network(), loss, x, y, shards)
    assert pytest.approx(expected, rel=1e-12) == L
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    assert step.reason is None
    assert step.scores.shape == (23, 3)
    assert step.counted(y)[0] == 23


def test_all_labels_ignored_in_a_shard_or_in_the_whole_batch(rng):
    x, y = data(rng, 8)
    y[:4] = 1
    loss = bp.CrossEntropyLoss(ignore_index=1)
    [expected], plain, _ = gradients(network(), loss, x, y, 1)
    [L], found, _ = gradients(network(), loss, x, y, 4)
    assert pytest.approx(expected) == L
    assert all(np.allclose(a, b) for a, b in zip(found, plain, strict=True))
    [L], found, step = gradients(network(), loss, x, np.ones_like(y), 4)
    assert np.isnan(L) and step.terms == 0 and all((a == 0).all() for a in found)


def test_gradients_add_up_over_batches_as_without_shards(rng):
    x, y = data(rng)
    plain = gradients(network(last=[bp.Identity()]), bp.CrossEntropyLoss(), x, y, 1, times=3)
    found = gradients(network(last=[bp.Identity()]), bp.CrossEntropyLoss(), x, y, 4, times=3)
    assert found[0] == pytest.approx(plain[0])
    for a, b in zip(found[1], plain[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("seed", range(300, 330))
def test_random_networks_learn_what_they_learn_without_shards(seed):
    with bp.use_kernels("reference"):
        with bp.parallel(4):
            _, losses = train(seed, synced=True)
        _, expected = train(seed)
    assert losses == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_a_network_that_cannot_be_recorded_gives_the_same_bits_in_shards(rng):
    (x, y), found = data(rng), []
    for watch in (False, True):
        net = network()
        if watch:
            net[1].register_forward_hook(lambda *_: None)
        found.append(gradients(net, bp.CrossEntropyLoss(), x, y, 4))
    assert found[0][2].reason is None and "hooks" in found[1][2].reason
    assert found[0][0] == found[1][0]
    assert all((a == b).all() for a, b in zip(found[0][1], found[1][1], strict=True))


def test_a_running_mean_moves_by_the_mean_of_the_shards_and_counts_one_batch(rng):
    net = bp.Sequential(bp.BatchNorm1d(6, dtype=np.float64), bp.Linear(6, 3, dtype=np.float64))
    x, y = data(rng, 10)
    gradients(net, bp.CrossEntropyLoss(), x, y, 3)
    means = [x[a:b].mean(0) * (b - a) / 10 for a, b in ((0, 3), (3, 6), (6, 10))]
    np.testing.assert_allclose(net[0].running_mean.data, 0.1 * sum(means), rtol=1e-12)
    assert net[0].num_batches_tracked.data == 1


def test_a_batch_normalisation_with_a_shard_of_one_image_is_refused_before_the_first_step(rng):
    x, y = data(rng, 20)
    net = bp.Sequential(bp.BatchNorm1d(6, dtype=np.float64), bp.Linear(6, 3, dtype=np.float64))
    sgd, train = bp.SGD(net.parameters(), lr=0.1), bp.DataLoader(x, y, 16)
    before = net[1].weight.data.copy()
    words = "a batch of 4 images in 4 shards has shards of only one image: .*fewer shards, or bp.SyncBatchNorm.convert"
    with bp.parallel(4), pytest.raises(bp.ShapeError, match=words):
        bp.fit(net, bp.CrossEntropyLoss(), sgd, train, progress=False)
    assert (net[1].weight.data == before).all()
    with bp.parallel(4):
        bp.fit(bp.SyncBatchNorm.convert(net), bp.CrossEntropyLoss(), sgd, train, progress=False)


def convolutions():
    bp.manual_seed(0)
    layers = bp.Conv2d(2, 3, 3), bp.BatchNorm2d(3), bp.ReLU(), bp.Flatten(), bp.Linear(27, 4), bp.BatchNorm1d(4)
    return bp.Sequential(*layers).to(np.float64)


@pytest.mark.parametrize("shards", [2, 5, 8])
@pytest.mark.parametrize("count", [6, 17])
def test_a_gathered_batch_normalisation_is_that_of_the_whole_batch(count, shards, rng):
    x, y = rng.standard_normal((count, 2, 5, 5)), rng.integers(0, 4, count)
    plain, synced = convolutions(), bp.SyncBatchNorm.convert(convolutions())
    expected, found = (gradients(net, bp.CrossEntropyLoss(), x, y, n) for net, n in ((plain, 1), (synced, shards)))
    assert found[0] == pytest.approx(expected[0])
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)
    for (name, a), (_, b) in zip(synced.state_dict().items(), plain.state_dict().items(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, err_msg=name)


def test_what_a_step_needs_of_its_network_may_change_between_steps(rng):
    x, y = data(rng)
    for kind in (lambda net: net, bp.SyncBatchNorm.convert):
        found = []
        for shards in (1, 4):
            net = kind(network(last=[bp.SyncBatchNorm(3, dtype=np.float64)]))
            sgd, losses = bp.SGD(net.parameters(), lr=0.1, momentum=0.9), []
            with bp.parallel(shards):
                step = bp.compile(net, bp.CrossEntropyLoss(), optimizer=sgd)
                losses.append(step.train(x, y))
                net[0].weight.requires_grad = False
                losses.append(step.train(x, y))
                net[2].eval()
                losses.append(step.train(x, y))
                net[0].weight.data = 0.5 * net[0].weight.data
                losses += [step.train(x, y), step.train(x[:9], y[:9])]
            found.append(losses)
        assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_an_error_in_one_of_the_turns_ends_them_all():
    seen = []

    def task(total, place):
        seen.append((place, "begins"))
        if place == 1:
            raise ValueError("of one")
        total(np.ones(1))
        seen.append((place, "went on"))

    turns = Lockstep([lambda total, place=place: task(total, place) for place in range(3)], sum)
    with pytest.raises(ValueError, match="of one"):
        turns.run()
    assert seen == [(0, "begins"), (1, "begins")]


def test_the_block_ends_and_cannot_be_nested():
    with bp.parallel(4) as ranks:
        assert parallel.current() is ranks and ranks.first and ranks.size == 1
        with pytest.raises(bp.RankError, match="one block is enough"), bp.parallel(2):
            pass
    assert parallel.current() is None
    with bp.parallel():
        assert parallel.current() is None  # one process with one shard is as without it


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shards": 0}, "shards must be a positive integer, got 0"),
        ({"shards": 2.0}, "shards must be a positive integer, got 2.0"),
        ({"patience": 0}, "patience must be above 0"),
        ({"allow": ["weather"]}, "allow may name backprop, python, .*, got 'weather'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(bp.OptionError, match=words):
        bp.parallel(**options)


def test_a_step_on_a_gpu_is_refused_by_name():
    class Elsewhere(bp.Linear):
        device = "cuda"

    with bp.parallel(2), pytest.raises(bp.DeviceError, match="shards are computed on CPUs"):
        bp.compile(Elsewhere(2, 2), bp.MSELoss())
