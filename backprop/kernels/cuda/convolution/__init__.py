"""How a convolution becomes fast on a GPU.

    textbook    a thread for each result, which loops over all taps: formulas (10), (12) and (13) as they stand
    implicit    as a product of matrices, one of which is never stored: the tile of the folder `product` reads each
                entry of it from its place in the image

`choice` picks one by the sizes. Kernels are made for each layer, with its sizes as constants: a division by a constant
becomes a multiplication.
"""
