"""NumPy with the BLAS it was built with. Its step is the lecture's multilayer perceptron written down by hand."""

import numpy as np

from benchmarks import workload


def gemm(form, n, o, i):
    p, q, out = workload.gemm_arrays(form, n, o, i)
    p, q = {"nt": (p, q.T), "tn": (p.T, q), "nn": (p, q)}[form]
    return lambda: np.matmul(p, q, out=out), lambda: [out]


def able(model):
    return not any(kind in ("conv", "pool") for kind, *_ in workload.MODELS[model])


def epoch(model):
    if not able(model):
        return None
    update, result = training(model)
    images, labels = workload.data()
    images = images / np.float32(255)
    return workload.epochs(lambda index: update(images[index], labels[index])), lambda: result()[:1]


def step(model):
    if not able(model):
        return None
    update, result = training(model)
    x, y = workload.batch()
    return lambda: update(x, y), result


def training(model):
    """(update, result): update(x, y) is one training step."""
    layers = workload.parameters(model)
    speeds = [[np.zeros_like(p) for p in layer] for layer in layers]
    rows, last = np.arange(workload.BATCH), []

    def update(x, y):
        a = [x.reshape(len(x), -1)]
        for weight, bias in layers[:-1]:
            u = a[-1] @ weight.T
            u += bias
            a.append(np.maximum(u, 0, out=u))
        scores = a[-1] @ layers[-1][0].T
        scores += layers[-1][1]
        scores -= scores.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(scores).sum(axis=1, keepdims=True))
        scores -= log_sum
        last[:] = [-scores[rows, y].mean()]
        delta = np.exp(scores, out=scores)
        delta[rows, y] -= 1
        delta /= np.float32(len(y))
        for k in reversed(range(len(layers))):
            grads = delta.T @ a[k], delta.sum(axis=0)
            if k:
                delta = delta @ layers[k][0]
                delta *= a[k] > 0
            for p, v, g in zip(layers[k], speeds[k], grads, strict=True):
                v *= np.float32(workload.MOMENTUM)
                v += g
                p -= np.float32(workload.LR) * v

    return update, lambda: [np.array(last), *(p.ravel() for layer in layers for p in layer)]
