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


def test_a_part_that_was_changed_on_the_way_is_still_the_part(rng):
    x, y = data(rng, 22)
    losses = []
    for shards in (1, 4):
        net = network(last=[bp.Identity()])
        with bp.parallel(shards):
            step = bp.compile(net, bp.CrossEntropyLoss())
            for part, labels in step.batches(bp.DataLoader(x, y, 11)):
                losses.append(step(2 * part, labels))
                if shards > 1:
                    with pytest.raises(
                        bp.ShapeError, match="expects this rank's part of a batch, 11 samples, or all 11"
                    ):
                        step(part[:3], labels[:3])
            losses.append(step(x[:3], y[:3]))  # afterwards any batch will do
    assert losses[:3] == pytest.approx(losses[3:])


class Uncertain(bp.Loss):
    """A loss with a parameter of its own, the logarithm of a variance: the mean of exp(-s) (a - y)^2 + s."""

    def __init__(self):
        super().__init__()
        self.s = bp.Parameter(np.array([0.3]))

    def forward(self, a, y):
        self.cache = a - y
        return float(np.mean(np.exp(-self.s.data) * self.cache**2 + self.s.data))

    def backward(self, delta=1):
        d, s, scale = self.cache, self.s.data, self.scale(delta, self.cache.size)
        self.s.accumulate(scale * np.sum(1 - np.exp(-s) * d**2, keepdims=True).reshape(1))
        return scale * 2 * np.exp(-s) * d


@pytest.mark.parametrize("shards", [3, 8])
def test_a_losss_own_parameters_get_the_gradient_of_the_whole(shards, rng):
    x, y = rng.standard_normal((20, 6)), rng.standard_normal((20, 3))
    found = []
    for count in (1, shards):
        net, loss = network(), Uncertain()
        gradients(net, loss, x, y, count)
        found.append(loss.s.grad.copy())
    assert found[1] == pytest.approx(found[0], rel=1e-10)


class Remembers(bp.Identity):
    """Buffers of all kinds: a mask of infinities, a switch, a large counter."""

    recordable = False

    def __init__(self):
        self.mask = bp.Buffer(np.where(np.tri(3), 0.0, -np.inf))
        self.fresh, self.seen = bp.Buffer(np.array(True)), bp.Buffer(np.array(1 << 60))

    def forward(self, u):
        self.fresh.data[...] = False
        self.seen.data[...] += 1
        return u


def test_a_buffer_keeps_infinities_and_may_be_a_switch_or_a_large_counter(rng):
    x, y = data(rng)
    layer = Remembers()
    gradients(network(last=[layer]), bp.CrossEntropyLoss(), x, y, 4)
    assert (layer.mask.data == np.where(np.tri(3), 0.0, -np.inf)).all()
    assert not layer.fresh.data and layer.seen.data == (1 << 60) + 1


def test_one_gathered_batch_normalisation_at_two_sizes_of_image_is_differentiated_rightly(rng):
    class Twice(bp.Graph):
        def __init__(self, norm):
            self.norm, self.pool = norm, bp.AvgPool2d(2)

        def build(self, x):
            large = self.norm(x)
            return large.sum() + (self.norm(self.pool(large)) ** 2).sum() + (large**2 * 0.3).sum()

    x = rng.standard_normal((3, 2, 4, 4))
    found = []
    for kind in (bp.BatchNorm2d, bp.SyncBatchNorm):
        net = Twice(kind(2, dtype=np.float64))
        net(x)
        found.append(net.backward(np.array(1.0)))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-12)


def test_options_and_layers_of_a_gathered_network_may_change_between_steps(rng):
    x, y, losses = *data(rng), []
    for shards in (1, 4):
        net = bp.Sequential(bp.Linear(6, 8, dtype=np.float64), bp.SyncBatchNorm(8, dtype=np.float64), bp.Dropout(0.0))
        net.append(bp.Linear(8, 3, dtype=np.float64))
        net.load_state_dict(dict(numbers(net)))
        bp.manual_seed(5)
        with bp.parallel(shards):
            step = bp.compile(net, bp.CrossEntropyLoss())
            losses.append(step(x, y))
            net[2].p = 0.5
            losses.append(step(x, y))
            net.append(bp.Tanh())
            losses.append(step(x, y))
    assert losses[3:] == pytest.approx(losses[:3], rel=1e-9)


def numbers(net):
    """The names of a network's arrays, with the same numbers every time."""
    fixed = np.random.default_rng(9)
    for name, array in net.state_dict().items():
        yield name, fixed.uniform(0.5, 1, array.shape) if array.dtype.kind == "f" else array


def test_a_gathered_batch_normalisation_within_a_loss_is_gathered(rng):
    class Perceptual(bp.Loss):
        def __init__(self):
            super().__init__()
            self.norm = bp.SyncBatchNorm(3, dtype=np.float64)

        def forward(self, a, y):
            self.cache = self.norm(a) - y
            return float(np.mean(self.cache**2))

        def backward(self, delta=1):
            return self.norm.backward(self.scale(delta, self.cache.size) * 2 * self.cache)

    x, y = rng.standard_normal((12, 6)), rng.standard_normal((12, 3))
    found = [gradients(network(), Perceptual(), x, y, shards)[0] for shards in (1, 4)]
    assert found[1] == pytest.approx(found[0])


def test_nan_in_one_shard_is_named_although_gathered_statistics_spoil_all(rng):
    x, y = data(rng)
    x[20] = np.nan
    net = bp.SyncBatchNorm.convert(bp.Sequential(bp.BatchNorm1d(6, dtype=np.float64), *network()))
    with bp.parallel(4), pytest.raises(bp.NonFiniteError, match="the batch itself holds NaN"):
        bp.compile(net, bp.CrossEntropyLoss(), check_finite=True)(x, y)


def test_an_empty_batch_and_targets_of_another_number(rng):
    x, y = data(rng)
    [L], _, _ = gradients(network(), bp.CrossEntropyLoss(), x[:0], y[:0], 4)
    assert np.isnan(L)
    with pytest.raises(bp.ShapeError, match="expects as many targets as inputs, got 23 inputs and 5 targets"):
        gradients(network(), bp.CrossEntropyLoss(), x, y[:5], 4)


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
