"""The part of a Value that is an array: its shape, its numbers, and questions about them."""

from backprop.kernels.recording import unseen
from backprop.module.parameter import Compared


class ArrayLike(Compared):
    """Everything here comes from `self.data` alone and is not part of a graph."""

    __slots__ = ()

    def seen(self):
        """The array, to be looked at: not while a step is recorded, which computes nothing yet."""
        unseen(self.data)
        return self.data

    @property
    def shape(self):
        return self.data.shape

    @property
    def ndim(self):
        return self.data.ndim

    @property
    def size(self):
        return self.data.size

    @property
    def dtype(self):
        return self.data.dtype

    def item(self):
        """The single number in it, as a Python number."""
        return self.seen().item()

    def __float__(self):
        """Only of a constant: otherwise math.sin(v) would be a number cut off from the graph."""
        if self.requires_grad:
            raise TypeError("float(v) and functions of math cut the graph: use np.sin(v), or v.item() for the number")
        return float(self.seen())

    def __bool__(self):
        return bool(self.seen())

    def __format__(self, wanted):
        return format(self.item(), wanted) if wanted and self.size == 1 else format(str(self), wanted)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return (self[index] for index in range(len(self)))
