"""Convolution, as a ladder from the textbook's loops to the machine's limit. One idea a file:

    textbook     out[o,i,j] = sum_{c,p,q} x[o,c,p,q] a[c,i+p,j+q], as it stands
    unfolded     what each filter meets is copied into a matrix: the rest is a product of matrices
    field        instead, the image is copied once, so that neighbours of the output meet neighbours in memory
    tap_tables     tables that say which tap meets what, for any stride, dilation and margin
    correlate    (10) and (13): the product's tile, which finds its second matrix in the field
    filters      (12): a tile of filters and taps, sums of products along the images

    runs, correlate_by_lane, to_images    (10) and (13) for many filters: each has a lane of its own
    filters_by_lane                       (12) for many filters

The first two can be run alone, for images without margin and with stride 1; `correlate`, `filters` and the files by
lane are what all layers use.
"""
