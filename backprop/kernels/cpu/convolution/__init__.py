"""Convolution, as a ladder from the textbook's loops to the machine's limit. One idea per file:

    textbook     out[o,i,j] = sum_{c,p,q} x[o,c,p,q] a[c,i+p,j+q], as it stands
    unfolded     what each filter reads is copied into a matrix ("im2col"): the rest is a product of matrices
    field        instead, the image is copied once, so that neighbouring outputs read neighbours in memory
    tap_tables   tables of what each tap reads, for any stride, dilation and padding
    correlate    (10) and (13): the product's tile, which reads its second matrix from the field
    filters      (12): a tile of filters and taps, sums of products along the images

    runs, correlate_by_lane, to_images    (10) and (13) for many filters: one lane per filter
    filters_by_lane                       (12) for many filters

The first two can be run on their own, for images without padding and with stride 1; all layers use `correlate`,
`filters` and the files by lane.
"""
