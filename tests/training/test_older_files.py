"""Files that were written by 0.1.0 are still read, and a run that it began goes on as it would have."""

import json
from pathlib import Path

import numpy as np
import pytest

import backprop as bp

FIXTURES = Path(__file__).parents[1] / "fixtures" / "0.1.0"
WHOLE = json.loads((FIXTURES / "whole.json").read_text())  # the run without an interruption


@pytest.fixture
def parts():
    """The network, loss, optimizer, schedule and loader of the run; its kernels were the reference."""
    net = bp.Sequential(bp.Linear(4, 6), bp.BatchNorm1d(6), bp.ReLU(), bp.Dropout(0.3), bp.Linear(6, 3))
    adam = bp.Adam(net.parameters(), lr=0.05)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((24, 4)).astype(np.float32), rng.integers(0, 3, 24)
    train = bp.DataLoader(x, y, batch_size=8, shuffle=True, seed=0)
    with bp.use_kernels("reference"):
        yield net, bp.CrossEntropyLoss(num_classes=3), adam, bp.CosineAnnealingLR(adam, T_max=12), train


def test_a_run_that_an_older_version_began_goes_on_as_it_would_have(parts):
    net, loss, adam, schedule, train = parts
    checkpoint = bp.Checkpoint(FIXTURES / "checkpoint.safetensors", 1e9, {"run": "fixture"})
    history = checkpoint.load(net, adam, schedule, train)
    assert len(history.losses) == 6
    history = bp.fit(net, loss, adam, train, epochs=4, schedule=schedule, progress=False, history=history)
    np.testing.assert_allclose(history.losses, WHOLE["losses"], rtol=1e-5)
    np.testing.assert_allclose(net.eval()(np.eye(4, dtype=np.float32)), WHOLE["scores"], rtol=1e-4, atol=1e-5)


def test_weights_of_an_older_version_are_those_of_its_checkpoint(parts):
    net, _, adam, schedule, train = parts
    bp.load(net, FIXTURES / "weights.safetensors")
    from_weights = net.state_dict()
    bp.Checkpoint(FIXTURES / "checkpoint.safetensors", 1e9, {"run": "fixture"}).load(net, adam, schedule, train)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, from_weights[name], err_msg=name)
