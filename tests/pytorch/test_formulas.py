"""Layers and losses whose backward is the graph's, against PyTorch in float64: outputs, every delta and gradient."""

import numpy as np
import pytest

import backprop as bp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

RNG = np.random.default_rng(0)


def x(*shape):
    return RNG.standard_normal(shape)


def signs(*shape):
    return RNG.choice([-1.0, 1.0], shape)


def near(mine, theirs):
    np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)


LAYERS = [
    ("GLU", (), {}, (x(3, 6),)),
    ("GLU", (1,), {}, (x(3, 4, 5),)),
    ("Softmin", (), {"dim": 1}, (x(3, 4),)),
    ("Softmax2d", (), {}, (x(2, 3, 4, 5),)),
    ("Threshold", (0.3, -2.0), {}, (x(3, 4),)),
    ("LocalResponseNorm", (3,), {"alpha": 0.5, "beta": 0.6, "k": 1.5}, (x(2, 5, 3),)),
    ("LocalResponseNorm", (2,), {"alpha": 2.0}, (x(2, 4, 3, 2),)),
    ("CosineSimilarity", (), {}, (x(4, 3), x(4, 3))),
    ("CosineSimilarity", (0,), {"eps": 0.1}, (x(4, 3), x(4, 3))),
    ("PairwiseDistance", (), {}, (x(4, 3), x(4, 3))),
    ("PairwiseDistance", (3.0,), {"keepdim": True}, (x(4, 3), x(4, 3))),
    ("PairwiseDistance", (1.0,), {}, (x(4, 3), x(4, 3))),
    ("Bilinear", (3, 2, 4), {}, (x(5, 3), x(5, 2))),
    ("Bilinear", (3, 2, 4), {"bias": False}, (x(2, 5, 3), x(2, 5, 2))),
    ("PixelShuffle", (2,), {}, (x(2, 8, 3, 2),)),
    ("PixelUnshuffle", (3,), {}, (x(2, 2, 6, 3),)),
    ("ChannelShuffle", (2,), {}, (x(2, 6, 3, 2),)),
    ("Upsample", (), {"scale_factor": 2}, (x(2, 3, 4),)),
    ("Upsample", (), {"scale_factor": 3}, (x(2, 3, 2, 4),)),
    ("Identity", (), {}, (x(2, 3),)),
    ("InstanceNorm1d", (3,), {"affine": True}, (x(2, 3, 5),)),
    ("InstanceNorm2d", (3,), {}, (x(2, 3, 4, 2),)),
    ("InstanceNorm3d", (2,), {"affine": True, "eps": 0.1}, (x(2, 2, 2, 3, 2),)),
]


@pytest.mark.parametrize(
    ("name", "args", "options", "inputs"), LAYERS, ids=[f"{n}-{case[0]}" for n, case in enumerate(LAYERS)]
)
def test_layers(name, args, options, inputs):
    theirs, mine = (
        getattr(torch.nn, name)(*args, **options).double(),
        getattr(bp, name)(*args, **options).to(np.float64),
    )
    for parameter in theirs.parameters():
        parameter.data = torch.tensor(x(*parameter.shape))
    mine.load_state_dict({key: array.numpy() for key, array in theirs.state_dict().items()})
    tensors = [torch.tensor(a, requires_grad=True) for a in inputs]
    wanted, out = theirs(*tensors), mine(*inputs)
    near(out, wanted)
    delta = x(*out.shape)
    wanted.backward(torch.tensor(delta))
    below = mine.backward(delta)
    for d, tensor in zip(below if isinstance(below, tuple) else (below,), tensors, strict=True):
        near(d, tensor.grad)
    for key, parameter in mine.named_parameters():
        near(parameter.grad, dict(theirs.named_parameters())[key].grad)


def labels(*shape):
    return RNG.integers(0, 4, shape)


COUNTS = RNG.poisson(2, (5, 4)).astype(float)
LOSSES = [
    ("SoftMarginLoss", {}, (30 * x(5, 4), signs(5, 4))),
    ("HingeEmbeddingLoss", {"margin": 0.7}, (x(5, 4), signs(5, 4))),
    ("MarginRankingLoss", {"margin": 0.3}, (x(5), x(5), signs(5))),
    ("CosineEmbeddingLoss", {"margin": 0.1}, (x(5, 4), x(5, 4), signs(5))),
    ("CosineEmbeddingLoss", {}, (x(4), x(4), np.array(1.0))),
    ("TripletMarginLoss", {}, (x(5, 4), x(5, 4), x(5, 4))),
    ("TripletMarginLoss", {"p": 3.0, "swap": True, "margin": 2.0}, (x(5, 4), x(5, 4), x(5, 4))),
    ("TripletMarginLoss", {"p": 1.0}, (x(5, 4), x(5, 4), x(5, 4))),
    ("MultiMarginLoss", {}, (x(5, 4), labels(5))),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5, "weight": np.array([0.5, 1, 2, 0])}, (x(5, 4), labels(5))),
    ("MultiMarginLoss", {}, (x(4), np.array(2))),
    ("MultiLabelMarginLoss", {}, (x(3, 4), np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [2, 2, 1, -1]]))),
    ("MultiLabelMarginLoss", {}, (x(4), np.array([3, 0, -1, 1]))),
    ("MultiLabelSoftMarginLoss", {}, (x(5, 4), RNG.integers(0, 2, (5, 4)).astype(float))),
    ("MultiLabelSoftMarginLoss", {"weight": np.array([0.5, 1, 2, 0])}, (x(5, 4), RNG.random((5, 4)))),
    ("PoissonNLLLoss", {}, (x(5, 4), COUNTS)),
    ("PoissonNLLLoss", {"full": True}, (x(5, 4), COUNTS)),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 0.1}, (np.abs(x(5, 4)), COUNTS)),
    ("GaussianNLLLoss", {}, (x(5, 4), x(5, 4), np.abs(x(5, 4)))),
    ("GaussianNLLLoss", {"full": True}, (x(5, 4), x(5, 4), np.abs(x(5, 1)))),
    ("GaussianNLLLoss", {"full": True, "eps": 0.5}, (x(5, 4), x(5, 4), np.abs(x(5)))),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options", "inputs"), LOSSES, ids=[f"{n}-{case[0]}" for n, case in enumerate(LOSSES)])
def test_losses(name, options, inputs, reduction):
    of_torch = {key: torch.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}
    theirs = getattr(torch.nn, name)(reduction=reduction, **of_torch)
    mine = getattr(bp, name)(reduction=reduction, **options)
    tensors = [torch.tensor(a) for a in inputs]
    for tensor in tensors[: getattr(mine, "learns", 1)]:
        tensor.requires_grad_()
    wanted, L = theirs(*tensors), mine(*inputs)
    near(L, wanted)
    if reduction == "none":
        delta = x(*wanted.shape)
        wanted.backward(torch.tensor(delta))
        below = mine.backward(np.array(delta))
    else:
        (3 * wanted).backward()
        below = mine.backward(3)
    below = below if isinstance(below, tuple) else (below,)
    for d, tensor in zip(below, tensors[: getattr(mine, "learns", 1)], strict=True):
        near(d, tensor.grad)


def test_targets_that_a_formula_cannot_take_are_refused():
    with pytest.raises(bp.LabelError, match=r"HingeEmbeddingLoss expects targets among 1, -1, got 0.0 at 1"):
        bp.HingeEmbeddingLoss()(np.ones(2), np.array([1.0, 0.0]))
    with pytest.raises(bp.LabelError, match=r"expects targets among 0, 1, 2, got 3 at 0"):
        bp.MultiMarginLoss()(np.ones((1, 3)), np.array([3]))
    with pytest.raises(bp.LabelError, match="variances of at least 0"):
        bp.GaussianNLLLoss()(np.ones(2), np.ones(2), np.array([1.0, -1.0]))
    with pytest.raises(bp.ShapeError, match=r"same shape, got \(2,\) and \(2, 1\)"):
        bp.SoftMarginLoss()(np.ones(2), np.ones((2, 1)))
    with pytest.raises(bp.ShapeError, match="an even number of entries"):
        bp.GLU()(np.ones((2, 3)))


def test_nan_is_not_hidden():
    nan = np.array([np.nan, 1.0])
    assert np.isnan(bp.HingeEmbeddingLoss()(nan, np.array([-1, -1])))
    assert np.isnan(bp.MarginRankingLoss()(nan, nan, np.array([1, 1])))
    assert np.isnan(bp.TripletMarginLoss()(nan[None], nan[None], nan[None]))
    assert np.isnan(bp.Threshold(0, 5)(nan)[0])


@pytest.mark.parametrize("inputs", [(x(3), x(3, 1), signs(3)), (x(3), x(3), signs(3, 1))])
def test_nothing_is_broadcast(inputs):
    with pytest.raises(bp.ShapeError):
        bp.MarginRankingLoss()(*inputs)


def test_instance_norm_takes_a_single_image_and_no_other_axes():
    a = x(3, 4, 3)
    near(bp.InstanceNorm2d(3, dtype=float)(a), torch.nn.InstanceNorm2d(3).double()(torch.tensor(a)))
    with pytest.raises(bp.ShapeError, match="with 2 axes behind"):
        bp.InstanceNorm2d(3, dtype=float)(x(3, 4))
