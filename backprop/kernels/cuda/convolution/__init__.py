"""How a convolution becomes fast on a GPU.

    textbook    a thread for each result, that walks over all taps: formulas (10), (12) and (13) as they stand
    implicit    it is a product of matrices, of which one is never written down: the tile of the folder `product`
                is told where in the image an entry of it would come from

`choice` takes what suits the sizes. Kernels are made for each layer, whose sizes are constants in them: a division by
a constant is a multiplication.
"""
