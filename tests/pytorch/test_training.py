"""Whole networks: training steps and weights that go both ways, against PyTorch."""

import numpy as np
import pytest

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def perceptron(lib):
    return lib.Sequential(lib.Flatten(), lib.Linear(784, 32), lib.ReLU(), lib.Linear(32, 10))


def convolutional(lib):
    return lib.Sequential(
        lib.Conv2d(1, 4, 5, stride=2, padding=2),
        lib.BatchNorm2d(4),
        lib.GELU(),
        lib.MaxPool2d(2),
        lib.Conv2d(4, 6, 3, groups=2),
        lib.PReLU(6),
        lib.AvgPool2d(2),
        lib.Flatten(),
        lib.LayerNorm(24),
        lib.Linear(24, 10),
    )


@pytest.mark.parametrize("build", [perceptron, convolutional])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ten_steps_of_training_give_the_same_losses(judge, build, dtype):
    j = judge(0, dtype, slack=100 if dtype == np.float32 else 1)
    net, theirs = build(bp), build(torch.nn)
    j.same_parameters(net, theirs)
    loss, their_loss = bp.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    sgd = bp.SGD(net.parameters(), lr=0.05, momentum=0.9)
    their_sgd = torch.optim.SGD(theirs.parameters(), lr=0.05, momentum=0.9)
    for _ in range(10):
        x, y = j.rng.random((32, 1, 28, 28)).astype(dtype), j.rng.integers(0, 10, 32)
        L, expected = loss(net(x), y), their_loss(theirs(torch.tensor(x)), torch.tensor(y))
        j.near(np.asarray(L), expected)
        sgd.zero_grad()
        net.backward(loss.backward())
        sgd.step()
        their_sgd.zero_grad()
        expected.backward()
        their_sgd.step()


@pytest.mark.parametrize("build", [perceptron, convolutional])
def test_pytorchs_weights_load_here_and_ours_load_there_unchanged(judge, build):
    j = judge(0, np.float32)
    theirs, net, back = build(torch.nn), build(bp), build(torch.nn)
    theirs(torch.tensor(j.numbers(8, 1, 28, 28)))  # moves the running statistics
    net.load_state_dict({name: value.numpy() for name, value in theirs.state_dict().items()})
    back.load_state_dict({name: torch.tensor(array) for name, array in net.state_dict().items()}, strict=True)
    for name, value in theirs.state_dict().items():
        assert torch.equal(back.state_dict()[name], value), name
        assert back.state_dict()[name].dtype == value.dtype, name
    for net_or_theirs in (net, theirs):
        net_or_theirs.eval()
    x = j.numbers(3, 1, 28, 28)
    j.near(net(x), theirs(torch.tensor(x)))


@pytest.mark.parametrize("build", [perceptron, convolutional])
def test_a_file_of_weights_goes_to_pytorch_and_comes_back_unchanged(judge, build, tmp_path):
    from safetensors.torch import load_file, save_file

    net, theirs, twin = build(bp), build(torch.nn), build(bp)
    net(judge(0, np.float32).numbers(8, 1, 28, 28))  # moves the running statistics
    bp.save(net, tmp_path / "ours.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "ours.safetensors"), strict=True)
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    bp.load(twin, tmp_path / "theirs.safetensors")
    for name, array in net.state_dict().items():
        assert twin.state_dict()[name].tobytes() == array.tobytes(), name
