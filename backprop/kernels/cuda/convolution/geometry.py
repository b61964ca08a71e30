"""The sizes of a convolution, as the constants of the kernels that are compiled for it."""

from typing import NamedTuple


class Geometry(NamedTuple):
    """What convolutions that use one kernel have in common; the number of images may differ.

    C, O             channels of the image and of the result, of all groups together
    image, taps, positions, stride, dilation, pad      one number for each of three spatial axes
    """

    C: int
    O: int
    image: tuple
    taps: tuple
    positions: tuple
    stride: tuple
    dilation: tuple
    pad: tuple
    groups: int

    def names(self):
        """What the names in the kernels stand for: D, H, W the sizes of the image, P, Q, R of the taps, I, J, K of the
        positions; and, followed by the number of an axis, S the stride, L the dilation and M the padding.
        """
        found = {"C": self.C, "O": self.O, "CG": self.C // self.groups, "OG": self.O // self.groups}
        for letters, sizes in zip(("DHW", "PQR", "IJK"), (self.image, self.taps, self.positions), strict=True):
            found |= dict(zip(letters, sizes, strict=True))
        for letter, sizes in zip(("S", "L", "M"), (self.stride, self.dilation, self.pad), strict=True):
            found |= {f"{letter}{axis}": size for axis, size in enumerate(sizes)}
        return found


def geometry(a_shape, x_shape, z_shape, options):
    """The Geometry of images, filters and results of these shapes; options are (stride, dilation, pad, groups)."""
    stride, dilation, pad, groups = options
    sizes = a_shape[2:], x_shape[2:], z_shape[2:], stride, dilation, pad
    return Geometry(a_shape[1], z_shape[1], *(tuple(map(int, size)) for size in sizes), int(groups))
