"""Steps of training in chunks on a GPU: the same bits as one by one, in a single launch for many of them."""

import numpy as np
import pytest

import backprop as bp
from backprop.kernels.cuda.machine import machine
from backprop.training import chunks
from backprop.training.fit import fit
from backprop.training.steps import Steps

pytest.importorskip("numba.cuda")


def perceptron():
    bp.manual_seed(0)
    return bp.Sequential(bp.Flatten(), bp.Linear(4, 3), bp.ReLU(), bp.Dropout(0.25), bp.Linear(3, 2)).to("cuda")


def with_statistics():
    bp.manual_seed(0)
    return bp.Sequential(bp.Conv2d(1, 2, 1), bp.BatchNorm2d(2), bp.Flatten(), bp.Linear(8, 2)).to("cuda")


def loader(count=21, **options):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (count, 1, 2, 2)).astype(np.uint8), np.arange(count) % 2
    return bp.DataLoader(images, labels, batch_size=2, shuffle=True, seed=1, **{"device": "cuda", **options})


def run(net, optimizer, epochs=2, singly=False, train=None, **options):
    """(history, weights, optimizer's state) after training, in chunks unless `singly`."""
    train = train or loader()
    sgd = optimizer(net.parameters())
    schedule = bp.LinearLR(sgd, 1, 0, total_iters=epochs * len(train))
    after = (lambda step: None) if singly else None
    loss = bp.CrossEntropyLoss()
    history = fit(net, loss, sgd, train, epochs=epochs, schedule=schedule, progress=False, after_step=after, **options)
    return history, net.state_dict(), sgd.state_dict()


def assert_same_bits(one, other):
    assert one[0].losses == other[0].losses
    assert one[0].correct == other[0].correct
    for mine, its in zip(one[1:], other[1:], strict=True):
        assert mine.keys() == its.keys()
        assert all(np.array_equal(mine[path], its[path]) for path in mine)


OPTIMIZERS = {
    "sgd": lambda p: bp.SGD(p, lr=0.1, momentum=0.9),
    "plain": lambda p: bp.SGD(p, lr=0.1),
    "adam": lambda p: bp.AdamW(p, lr=0.05),
    "rmsprop": lambda p: bp.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_chunks_compute_the_bits_of_single_steps(name):
    assert_same_bits(run(perceptron(), OPTIMIZERS[name]), run(perceptron(), OPTIMIZERS[name], singly=True))


def test_running_statistics_go_on_within_a_chunk():
    sgd = OPTIMIZERS["sgd"]
    in_chunks, singly = run(with_statistics(), sgd), run(with_statistics(), sgd, singly=True)
    assert_same_bits(in_chunks, singly)
    assert in_chunks[1]["1.num_batches_tracked"] == 22


def test_an_epoch_is_a_first_step_large_and_small_chunks_and_an_odd_batch(monkeypatch):
    sizes = []
    launch = chunks.Chunk.launch
    monkeypatch.setattr(chunks.Chunk, "launch", lambda self: sizes.append(self.size) or launch(self))
    run(perceptron(), OPTIMIZERS["sgd"], train=loader(count=2 * 11 + 1))
    assert sizes == [8, 1, 1, 8, 1, 1, 1]  # eleven whole batches: one by itself at first; the odd one never


def test_a_chunk_is_written_down_once_and_again_when_the_optimizer_goes_another_way(monkeypatch):
    written = []
    write_down = chunks.Chunk._write_down
    monkeypatch.setattr(
        chunks.Chunk, "_write_down", lambda self, row, u: written.append(row) or write_down(self, row, u)
    )
    net, train, loss = perceptron(), loader(count=16), bp.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    steps = Steps(net, loss, sgd, None, train)
    for epoch in range(4):
        if epoch == 3:
            sgd.param_groups[0]["momentum"] = 0.0
        before = len(written)
        assert sum(len(done.losses) for done in steps.of_epoch(epoch, 0, 8 * epoch)) == 8
        assert (len(written) > before) == (epoch in (0, 1, 3))  # seven single steps, then a chunk of eight, and anew


@pytest.mark.skipif(not machine().simulated, reason="counts what the simulator launches")
def test_nothing_is_allocated_or_copied_within_a_chunk(monkeypatch):
    net, train = perceptron(), loader(count=16)
    steps = Steps(net, bp.CrossEntropyLoss(), OPTIMIZERS["sgd"](net.parameters()), None, train)
    for epoch in range(2):
        list(steps.of_epoch(epoch, 0, 0))
    copies = []
    monkeypatch.setattr(machine(), "fresh", lambda *_: pytest.fail("an array was made"))
    for name in ("read", "write"):
        plain = getattr(machine(), name)
        monkeypatch.setattr(machine(), name, lambda *args, plain=plain, name=name: copies.append(name) or plain(*args))
    list(steps.of_epoch(2, 0, 0))
    assert copies == ["write"] * 2 + ["read"] * 2  # order, keys; losses, right answers: of eight steps; lr is as it was


def test_training_resumed_in_the_middle_of_an_epoch_ends_in_the_same_bits(tmp_path):
    def parts():
        net = perceptron()
        return net, bp.SGD(net.parameters(), lr=0.1, momentum=0.9), loader(count=23)

    net, sgd, train = parts()
    whole = fit(net, bp.CrossEntropyLoss(), sgd, train, epochs=2, progress=False)
    other, learner, again = parts()
    file = bp.Checkpoint(tmp_path / "checkpoint.safetensors")

    class Stop(Exception):
        pass

    def stop(step):
        if step == 5:
            file.save(other, learner, None, again, history)
            raise Stop

    from backprop.training.history import History

    history = History(first_epoch=0)
    with pytest.raises(Stop):
        fit(other, bp.CrossEntropyLoss(), learner, again, epochs=2, progress=False, history=history, after_step=stop)
    third, learner, again = parts()
    history = file.load(third, learner, None, again)
    assert len(history.losses) == 5
    fit(third, bp.CrossEntropyLoss(), learner, again, epochs=2, progress=False, history=history)
    assert history.losses == whole.losses
    assert all(np.array_equal(third.state_dict()[path], a) for path, a in net.state_dict().items())


def test_a_checkpoint_within_an_epoch_is_of_a_settled_network():
    """One is asked for in the middle of a chunk: no further chunk begins until it is written."""
    net, train, asked = perceptron(), loader(count=40), []
    sgd = OPTIMIZERS["adam"](net.parameters())
    steps = Steps(net, bp.CrossEntropyLoss(), sgd, None, train, wait=lambda: len(asked) == 12)
    count = 0
    for epoch in range(2):
        for done in steps.of_epoch(epoch, 0, count):
            count += len(done.losses)
            asked += done.losses
            if done.settled:
                assert sgd.state[net[1].weight]["step"] == count
            elif count != 40:
                assert sgd.state[net[1].weight]["step"] > count  # the next chunk runs already
    assert count == 40


def test_a_loss_that_is_not_finite_is_found_within_a_chunk_and_no_layer_is_blamed():
    with pytest.raises(bp.NonFiniteError, match=r"step \d+: the loss is not finite; .* the layer is not known"):
        run(perceptron(), lambda p: bp.SGD(p, lr=1e30, momentum=0.9))
    train = loader(count=16)
    train.images = train.images.astype(np.float32)
    train.images[train.order(0)[5], 0, 0, 0] = np.inf
    with pytest.raises(bp.NonFiniteError, match="step 2: the batch itself holds NaN or infinity"):
        run(perceptron(), OPTIMIZERS["sgd"], train=train)


def test_momentum_that_a_schedule_switches_on_within_a_chunk_has_an_array_of_its_own():
    """Where it is 0, an optimizer's kernel is given theta in the place of v: it once wrote there."""

    def trained(singly):
        net, train = perceptron(), loader(count=18)
        sgd = bp.SGD(net.parameters(), lr=0.1, momentum=0.0)

        class Switch:
            """Off in steps 0 to 2 and 6, on in the others; a chunk of eight begins with step 1."""

            count = 0

            def step(self):
                self.count += 1
                sgd.param_groups[0]["momentum"] = 0.0 if self.count in (1, 2, 6) else 0.9

        after = (lambda step: None) if singly else None
        options = {"schedule": Switch(), "progress": False, "after_step": after}
        history = fit(net, bp.CrossEntropyLoss(), sgd, train, **options)
        return history, net.state_dict(), sgd.state_dict()

    assert_same_bits(trained(False), trained(True))


@pytest.mark.parametrize("name", ["batches", "fetch", "_gather", "order"])
def test_a_loader_that_makes_its_batches_otherwise_is_asked_for_each(name):
    asked = []

    class Own(bp.DataLoader):
        pass

    def own(self, *args, **options):
        asked.append(name)
        return getattr(bp.DataLoader, name)(self, *args, **options)

    setattr(Own, name, own)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (16, 1, 2, 2)).astype(np.uint8), np.arange(16) % 2
    run(perceptron(), OPTIMIZERS["sgd"], train=Own(images, labels, 2, device="cuda"))
    assert len(asked) >= (2 if name in ("batches", "order") else 16)


def test_an_optimizer_with_a_step_of_its_own_takes_each_step():
    asked = []

    def optimizer(parameters):
        sgd = bp.SGD(parameters, lr=0.1)
        step = sgd.step
        sgd.step = lambda: asked.append(1) or step()
        return sgd

    run(perceptron(), optimizer)
    assert len(asked) == 22


def test_a_chunk_that_could_not_be_written_down_leaves_the_optimizer_as_it_was(monkeypatch):
    net, train = perceptron(), loader(count=16)
    optimizer = bp.SGD(net.parameters(), lr=0.1)
    steps = Steps(net, bp.CrossEntropyLoss(), optimizer, None, train)

    def fail(*_):
        raise KeyboardInterrupt

    k = chunks.kernels.load("cuda")
    plain = k.sgd

    def sgd(parameters, *numbers):
        return plain(parameters, *numbers) if parameters.row is None else fail()

    monkeypatch.setattr(k, "sgd", sgd)
    with pytest.raises(KeyboardInterrupt):
        list(steps.of_epoch(0, 0, 0))
    assert all(p.row is None for _, _, known in optimizer._all_parameters.values() for _, _, p in known)


def test_the_epoch_is_counted_when_it_begins_as_on_the_cpu():
    train = loader(count=16)
    steps = Steps(perceptron(), bp.CrossEntropyLoss(), OPTIMIZERS["sgd"](perceptron().parameters()), None, train)
    next(steps.of_epoch(3, 0, 0))
    assert train.epoch == 4


def test_what_cannot_be_recorded_is_trained_step_by_step():
    net = perceptron()
    looks = []
    net[1].register_forward_hook(lambda module, inputs, output: looks.append(1))
    hooked = run(net, OPTIMIZERS["sgd"])
    assert len(looks) >= 22
    assert_same_bits(hooked, run(perceptron(), OPTIMIZERS["sgd"], singly=True))
