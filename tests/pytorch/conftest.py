"""What all tests against PyTorch share."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


class Judge:
    """Compares a module of ours with PyTorch's at the same numbers, of one element type."""

    def __init__(self, seed, dtype, slack=1):
        """`slack` multiplies the tolerance, where a result is known to lose digits or PyTorch's own has fewer."""
        self.rng, self.dtype, self.tolerance = np.random.default_rng(seed), dtype, slack * TOLERANCE[dtype]

    def numbers(self, *shape):
        return self.rng.standard_normal(shape).astype(self.dtype)

    @staticmethod
    def tensor(array):
        return torch.tensor(np.asarray(array), requires_grad=np.asarray(array).dtype.kind == "f")

    def near(self, ours, theirs):
        theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
        assert np.shape(ours) == theirs.shape
        finite = np.abs(theirs[np.isfinite(theirs)])
        np.testing.assert_allclose(
            ours, theirs, rtol=self.tolerance, atol=self.tolerance * max(1, finite.max(initial=0))
        )

    def same_parameters(self, layer, theirs):
        """PyTorch's module takes over our parameters and buffers, under our names: strictly the same ones."""
        layer.to(self.dtype)
        theirs.to(torch.float32 if self.dtype == np.float32 else torch.float64)
        theirs.load_state_dict({name: torch.tensor(array) for name, array in layer.state_dict().items()}, strict=True)

    def same_layer(self, layer, theirs, x):
        """Output, every parameter's gradient, the input's and every buffer agree for the same random delta."""
        self.same_parameters(layer, theirs)
        tx = self.tensor(x)
        out, expected = layer(x), theirs(tx)
        self.near(out, expected)
        delta = self.numbers(*out.shape)
        delta_x = layer.backward(delta)
        expected.backward(torch.tensor(delta))
        if delta_x is not None:
            self.near(delta_x, tx.grad)
        for name, parameter in layer.named_parameters():
            self.near(parameter.grad, theirs.get_parameter(name).grad)
        for name, buffer in layer.named_buffers():
            self.near(buffer.data, theirs.get_buffer(name))

    def same_loss(self, loss, theirs, x, y):
        """L and the first delta agree."""
        tx, ty = self.tensor(x), torch.tensor(np.asarray(y))
        L, expected = loss(x, y), theirs(tx, ty)
        self.near(np.asarray(L), expected)
        if loss.reduction == "none":
            delta = self.numbers(*L.shape)
            expected.backward(torch.tensor(delta))
            self.near(loss.backward(delta), tx.grad)
        else:
            (3 * expected).backward()
            self.near(loss.backward(3), tx.grad)


@pytest.fixture(scope="session")
def judge():
    """Judge(seed, dtype, slack=1)"""
    return Judge
