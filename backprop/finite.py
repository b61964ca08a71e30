"""Where NaN or infinity came from: the batch is run once more, with a check after every layer."""

import numpy as np

from backprop.errors import NonFiniteError


def blame(net, x, step):
    """Raise NonFiniteError for the step whose loss was not finite: which layer, in which pass.

    A parameter that is not finite became so in the last update. Deltas run from the last layer to the first and spoil
    all below, so the last such layer is where it began.
    """
    if not np.isfinite(x).all():
        raise NonFiniteError(f"step {step}: the batch itself holds NaN or infinity")
    for path, parameter in reversed(list(net.named_parameters())):
        if not np.isfinite(parameter.data).all():
            raise NonFiniteError(
                f"step {step}: {path} holds NaN or infinity, so the backward pass or the update of step {step - 1} "
                "gave it; a smaller lr may help"
            )
    handles = [
        module.register_forward_hook(_refuser(path, step))
        for path, module in net.named_modules()
        if not module.children()
    ]
    try:
        net(x)
    finally:
        for handle in handles:
            handle.remove()
    raise NonFiniteError(f"step {step}: every layer's output is finite, the loss is not: are the scores too large?")


def _refuser(path, step):
    def refuse(module, inputs, output):
        if not np.isfinite(output).all():
            name = f"layer {path} ({type(module).__name__})" if path else type(module).__name__
            raise NonFiniteError(f"step {step}: forward pass, {name} puts out NaN or infinity")

    return refuse
