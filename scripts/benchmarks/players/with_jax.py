"""JAX, compiled over the whole step, which may reuse the memory of what it replaces."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import workload


def gemm(form, n, o, i):
    p, q, _ = map(jnp.asarray, workload.gemm_arrays(form, n, o, i))
    product = jax.jit({"nt": lambda p, q: p @ q.T, "tn": lambda p, q: p.T @ q, "nn": lambda p, q: p @ q}[form])
    found = []

    def run():
        found[:] = [product(p, q).block_until_ready()]

    return run, lambda: [np.asarray(found[0])]


def epoch(model):
    update, result = training(model)
    images, labels = workload.data()
    images, labels = jnp.asarray(images / np.float32(255)), jnp.asarray(labels)
    take = jax.jit(lambda index: (images[index], labels[index]))
    return workload.epochs(lambda index: update(*take(index))), lambda: result()[:1]


def step(model):
    update, result = training(model)
    x, y = map(jnp.asarray, workload.batch())
    return lambda: update(x, y), result


def training(model):
    """(update, result): update(x, y) is one training step."""
    layers = [tuple(map(jnp.asarray, layer)) for layer in workload.parameters(model)]

    def cost(layers, x, y):
        left = iter(layers)
        for kind, *sizes in workload.MODELS[model]:
            if kind == "linear":
                weight, bias = next(left)
                x = x @ weight.T + bias
            elif kind == "conv":
                weight, bias = next(left)
                pad = [(sizes[3], sizes[3])] * 2
                x = lax.conv_general_dilated(x, weight, (1, 1), pad) + bias[:, None, None]
            elif kind == "relu":
                x = jax.nn.relu(x)
            elif kind == "pool":
                window = (1, 1, sizes[0], sizes[0])
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            else:
                x = x.reshape(len(x), -1)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def compiled(layers, speeds, x, y):
        L, grads = jax.value_and_grad(cost)(layers, x, y)
        speeds = jax.tree.map(lambda v, g: workload.MOMENTUM * v + g, speeds, grads)
        return L, jax.tree.map(lambda p, v: p - workload.LR * v, layers, speeds), speeds

    state = [None, layers, jax.tree.map(jnp.zeros_like, layers)]

    def update(x, y):
        state[:] = compiled(state[1], state[2], x, y)
        state[0].block_until_ready()

    return update, lambda: [np.asarray(state[0]), *(np.asarray(p).ravel() for layer in state[1] for p in layer)]
