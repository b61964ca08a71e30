"""Convolution as a product of matrices: each image is unfolded into its patches, and (10) becomes x times patches.

Images are (N, C, D, H, W), of depth D = 1 where they are flat, filters (O, C/groups, R, P, Q). In a patch matrix row k
stands for one (c,r,p,q) of a filter and column l for one position (t,i,j) of the output, so that

    (10)  out[o,l] = sum_k x[o,k] patch[k,l]        (12)  dx[o,k] = sum_{n,l} delta[o,l] patch[k,l]
    (13)  dpatch[k,l] = sum_o x[o,k] delta[o,l], and each entry goes back to the place it was copied from

Group g of the filters sees only group g of the channels.
"""

import numpy as np
from numba import prange

from backprop.kernels.cpu.jit import inner, kernel

CHUNK = 8  # images whose filter gradients are summed by one iteration: the order of sums depends on nothing else


@kernel
def conv(a, x, stride, dilation, pad, groups, out):
    """out[n,o,i] = sum_{c,p} x[o,c,p] a[n,c, s i + d p - pad]: iteration n owns image n           (10)"""
    outputs, rows = x.shape[0], x[0].size
    columns = out[0, 0].size
    for n in prange(a.shape[0]):
        patch = np.empty((groups * rows, columns), a.dtype)
        unfold(a[n], x.shape[2:], stride, dilation, pad, out.shape[2:], patch)
        z = out[n].reshape(outputs, columns)
        z[:, :] = 0
        for o in range(outputs):
            first = o // (outputs // groups) * rows
            row = x[o].reshape(rows)
            for k in range(rows):
                for l in range(columns):
                    z[o, l] += row[k] * patch[first + k, l]


@kernel
def conv_weight_grad(delta, a, stride, dilation, pad, groups, out, accumulate):
    """out[o,c,p] = sum_{n,i} delta[n,o,i] a[n,c, s i + d p - pad]: an iteration owns the sum of CHUNK images, then
    iteration o owns filter o                                                                       (12)
    """
    outputs, rows = out.shape[0], out[0].size
    columns = delta[0, 0].size
    chunks = (a.shape[0] + CHUNK - 1) // CHUNK
    parts = np.zeros((chunks, outputs, rows), out.dtype)
    for chunk in prange(chunks):
        patch = np.empty((groups * rows, columns), a.dtype)
        for n in range(chunk * CHUNK, min((chunk + 1) * CHUNK, a.shape[0])):
            unfold(a[n], out.shape[2:], stride, dilation, pad, delta.shape[2:], patch)
            dz = delta[n].reshape(outputs, columns)
            for o in range(outputs):
                first = o // (outputs // groups) * rows
                for k in range(rows):
                    dot = out.dtype.type(0)
                    for l in range(columns):
                        dot += dz[o, l] * patch[first + k, l]
                    parts[chunk, o, k] += dot
    dx = out.reshape(outputs, rows)
    for o in prange(outputs):
        for k in range(rows):
            dot = dx[o, k] if accumulate else out.dtype.type(0)
            for chunk in range(chunks):
                dot += parts[chunk, o, k]
            dx[o, k] = dot


@kernel
def conv_input_grad(delta, x, stride, dilation, pad, groups, out):
    """out[n,c,h] = the sum over o and all taps with s i + d p - pad = h of delta[n,o,i] x[o,c,p]:
    iteration n owns image n                                                                        (13)
    """
    outputs, rows = x.shape[0], x[0].size
    columns = delta[0, 0].size
    for n in prange(delta.shape[0]):
        dpatch = np.zeros((groups * rows, columns), delta.dtype)
        dz = delta[n].reshape(outputs, columns)
        for o in range(outputs):
            first = o // (outputs // groups) * rows
            row = x[o].reshape(rows)
            for k in range(rows):
                for l in range(columns):
                    dpatch[first + k, l] += row[k] * dz[o, l]
        fold(dpatch, x.shape[2:], stride, dilation, pad, delta.shape[2:], out[n])


@inner
def unfold(a, taps, stride, dilation, pad, positions, patch):
    """patch[(c,r,p,q), (t,i,j)] = a[c, s t + d r - pad, s i + d p - pad, s j + d q - pad], 0 outside the image"""
    k = 0
    for c in range(a.shape[0]):
        for r in range(taps[0]):
            for p in range(taps[1]):
                for q in range(taps[2]):
                    l = 0
                    left = dilation[2] * q - pad[2]
                    start, stop = inside(left, stride[2], a.shape[3], positions[2])
                    for t in range(positions[0]):
                        d = stride[0] * t + dilation[0] * r - pad[0]
                        for i in range(positions[1]):
                            h = stride[1] * i + dilation[1] * p - pad[1]
                            if 0 <= d < a.shape[1] and 0 <= h < a.shape[2]:
                                patch[k, l : l + start] = 0
                                for j in range(start, stop):
                                    patch[k, l + j] = a[c, d, h, stride[2] * j + left]
                                patch[k, l + stop : l + positions[2]] = 0
                            else:
                                patch[k, l : l + positions[2]] = 0
                            l += positions[2]
                    k += 1


@inner
def fold(dpatch, taps, stride, dilation, pad, positions, out):
    """unfold's adjoint: out[c,h] = the sum of all entries of dpatch that were copied from there"""
    out[:] = 0
    k = 0
    for c in range(out.shape[0]):
        for r in range(taps[0]):
            for p in range(taps[1]):
                for q in range(taps[2]):
                    l = 0
                    left = dilation[2] * q - pad[2]
                    start, stop = inside(left, stride[2], out.shape[3], positions[2])
                    for t in range(positions[0]):
                        d = stride[0] * t + dilation[0] * r - pad[0]
                        for i in range(positions[1]):
                            h = stride[1] * i + dilation[1] * p - pad[1]
                            if 0 <= d < out.shape[1] and 0 <= h < out.shape[2]:
                                for j in range(start, stop):
                                    out[c, d, h, stride[2] * j + left] += dpatch[k, l + j]
                            l += positions[2]
                    k += 1


@inner
def inside(left, stride, width, positions):
    """The first and the past-the-last position j with 0 <= stride j + left < width."""
    start = min(positions, max(0, (-left + stride - 1) // stride))
    stop = max(start, min(positions, (width - 1 - left) // stride + 1))
    return start, stop
