"""Where NaN or infinity came from: the batch is run once more, with a check after every layer."""

import numpy as np

from backprop.errors import NonFiniteError
from backprop.kernels.device import to_host


def blame(net, x, y, step):
    """Raise NonFiniteError for the step whose loss was not finite: which layer, in which pass."""
    expect_batch(x, y, step)
    expect_parameters(net, step)
    spoiled = []

    def look(module, inputs, output):
        if not np.isfinite(to_host(output)).all():
            spoiled.append(module)

    layers = {module: path for path, module in net.named_modules() if not module.children()}
    handles = [layer.register_forward_hook(look) for layer in layers]
    try:
        net(x)
    finally:
        for handle in handles:
            handle.remove()
    if spoiled:
        layer = spoiled[0]
        place = f"layer {layers[layer]} ({type(layer).__name__})" if layers[layer] else type(layer).__name__
        raise NonFiniteError(f"step {step}: forward pass, {place} puts out NaN or infinity")
    cause = "are the scores too large, or all labels ignored?"
    raise NonFiniteError(f"step {step}: every layer's output is finite, the loss is not: {cause}")


def blame_later(x, y, step):
    """Raise NonFiniteError for a step after which a GPU has already run others: its layers' outputs are gone."""
    expect_batch(x, y, step)
    raise NonFiniteError(
        f"step {step}: the loss is not finite; several steps were run as one on the GPU, so the layer is not known; to "
        "have it named, run them singly: with fit(..., after_step=lambda step: None), or on the CPU"
    )


def expect_batch(x, y, step):
    """Raise NonFiniteError if a batch or its targets are not finite."""
    if not np.isfinite(to_host(x)).all():
        raise NonFiniteError(f"step {step}: the batch itself holds NaN or infinity")
    if not np.isfinite(to_host(y)).all():
        raise NonFiniteError(f"step {step}: the targets hold NaN or infinity")


def expect_parameters(net, step):
    """Raise NonFiniteError if a parameter is not finite before step `step`.

    It became so in the backward pass or the update before. Deltas go from the last layer to the first and spoil every
    layer on the way, so the last such layer is where it began.
    """
    for path, parameter in reversed(list(net.named_parameters())):
        if parameter.requires_grad and not np.isfinite(to_host(parameter.data)).all():
            cause = f"it came from the backward pass or the update of step {step - 1}; a smaller lr may help"
            raise NonFiniteError(
                f"step {step}: {path} holds NaN or infinity: {cause if step else 'it did so before training began'}"
            )
