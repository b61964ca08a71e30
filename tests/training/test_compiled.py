"""`bp.compile`: the loop that people write, with the numbers of the layers to the last bit."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest

import backprop as bp
from backprop.models import MODELS

SCRIPTS = Path(__file__).parents[2] / "scripts"


def batches(count, image=(1, 12, 12), size=6):
    rng = np.random.default_rng(0)
    return [(rng.random((size, *image), np.float32), rng.integers(0, 10, size)) for _ in range(count)]


def states(net):
    return {name: array.copy() for name, array in net.state_dict().items()}


def by_hand(net, data):
    loss, sgd = bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for x, y in data:
        sgd.zero_grad()
        losses.append(loss(net(x), y))
        net.backward(loss.backward())
        sgd.step()
    return losses


def compiled(net, data):
    loss, sgd = bp.CrossEntropyLoss(), bp.SGD(net.parameters(), lr=0.1, momentum=0.9)
    step, losses = bp.compile(net, loss), []
    for x, y in data:
        sgd.zero_grad()
        losses.append(step(x, y))
        step.backward()
        sgd.step()
    return losses, step


@pytest.mark.parametrize("name", ["mlp", "cnn", "residual", "recurrent"])
def test_a_compiled_loop_has_the_bits_of_the_layers(name):
    net = MODELS[name](image=(1, 12, 12), classes=10)
    twin, data = copy.deepcopy(net), [*batches(4), *batches(1, size=3)]
    bp.manual_seed(3)
    losses = by_hand(net, data)
    bp.manual_seed(3)
    found, _ = compiled(twin, data)
    assert found == losses
    for path, array in states(net).items():
        np.testing.assert_array_equal(states(twin)[path], array, err_msg=path)


def test_whether_a_step_was_recorded_and_why_not_can_be_asked():
    x, y = batches(1)[0]
    step = bp.compile(MODELS["mlp"](image=(1, 12, 12)), bp.CrossEntropyLoss())
    step(x, y)
    assert step.reason is None and step.scores.shape == (6, 10) and step.terms == 6
    net = MODELS["mlp"](image=(1, 12, 12))
    net[1].register_forward_hook(lambda *seen: None)
    step = bp.compile(net, bp.CrossEntropyLoss())
    step(x, y)
    assert step.reason == "Linear at '1' has hooks, or a forward or backward of its own"

    class Own(bp.Linear):
        def forward(self, a):
            return super().forward(a)

    step = bp.compile(bp.Sequential(bp.Flatten(), Own(144, 10)), bp.CrossEntropyLoss())
    step(x, y)
    assert "does not declare that its forward and backward are only kernel calls" in step.reason


def test_a_compiled_step_refuses_what_has_no_meaning():
    net, (x, y) = MODELS["linear"](image=(1, 12, 12)), batches(1)[0]
    with pytest.raises(bp.OptionError, match="starts from a single number"):
        bp.compile(net, bp.CrossEntropyLoss(reduction="none"))
    step = bp.compile(net, bp.CrossEntropyLoss())
    with pytest.raises(bp.CallOrderError, match="backward before forward"):
        step.backward()
    step(x, y)
    step.backward()
    with pytest.raises(bp.CallOrderError):
        step.backward()


def test_all_of_a_step_in_one_call_has_the_bits_of_the_four():
    net = MODELS["mlp"](image=(1, 12, 12), classes=10)
    twin, data = copy.deepcopy(net), [*batches(4), *batches(1, size=3)]
    expected, _ = compiled(net, data)
    sgd = bp.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    step = bp.compile(twin, bp.CrossEntropyLoss(), optimizer=sgd)
    assert [step.train(x, y) for x, y in data] == expected
    for path, array in states(net).items():
        np.testing.assert_array_equal(states(twin)[path], array, err_msg=path)
    with pytest.raises(bp.OptionError, match="optimizer="):
        bp.compile(net, bp.CrossEntropyLoss()).train(*data[0])


def test_between_forward_and_update_gradients_are_read_clipped_skipped_and_added_up_as_by_hand():
    """Two losses on one network, gradients over two batches, a clipped step, and one that is left out."""
    net = MODELS["mlp"](image=(1, 12, 12), classes=10)
    twin, data = copy.deepcopy(net), batches(6)

    def run(net, forward):
        sgd, norms = bp.SGD(net.parameters(), lr=0.1, momentum=0.9), []
        for number, (x, y) in enumerate(data):
            if number % 2 == 0:
                sgd.zero_grad()
            for loss in (0, 1):
                forward(loss, x, y)
            norm = max(abs(p.grad).max() for p in net.parameters())
            norms.append(norm)
            for p in net.parameters():
                p.grad[...] = p.grad / max(norm / 0.05, 1)
            if number != 3:
                sgd.step()
        return norms

    losses = [bp.CrossEntropyLoss(), bp.CrossEntropyLoss(label_smoothing=0.2)]
    steps = [bp.compile(twin, copy.deepcopy(loss)) for loss in losses]

    def by_layers(n, x, y):
        losses[n](net(x), y)
        net.backward(losses[n].backward())

    def recorded(n, x, y):
        steps[n](x, y)
        assert steps[n].reason is None
        steps[n].backward()

    assert run(net, by_layers) == run(twin, recorded)
    for path, array in states(net).items():
        np.testing.assert_array_equal(states(twin)[path], array, err_msg=path)


def test_a_compiled_step_names_the_layer_and_the_step_of_a_loss_that_is_not_finite():
    net, (x, y) = MODELS["linear"](image=(1, 12, 12)), batches(1)[0]
    step = bp.compile(net, bp.CrossEntropyLoss(), check_finite=True, done=7)
    step(x, y)
    net[1].weight.data[0, 0] = np.inf
    with pytest.raises(bp.NonFiniteError, match="step 8"):
        step(x, y)


def test_the_training_scripts_loop_computes_the_bits_of_fit(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import train_mnist

    sys.modules.pop("train_mnist")
    runs = []
    for learn in (train_mnist.learn, bp.fit):
        bp.manual_seed(0)
        net, loss = MODELS["cnn"](image=(1, 12, 12)), bp.CrossEntropyLoss()
        images, labels = (np.concatenate(part) for part in zip(*batches(5), strict=True))
        train = bp.DataLoader(images, labels, batch_size=8, shuffle=True, seed=0)
        adam = bp.Adam(net.parameters())
        schedule = bp.LinearLR(adam, 1, 0, total_iters=8)
        history = learn(net, loss, adam, train, train, epochs=2, schedule=schedule, progress=False)
        runs.append((history.losses, history.epochs[-1].test_loss, states(net)))
    assert runs[0][:2] == runs[1][:2]
    for path, array in runs[0][2].items():
        np.testing.assert_array_equal(runs[1][2][path], array, err_msg=path)
