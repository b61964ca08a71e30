"""The network that a run has left: its weights, and what metrics.json says of it."""

import json

from backprop.errors import CheckpointError
from backprop.models.networks import MODELS
from backprop.training.weights import load


def network_of(weights):
    """(the network, (C, H, W) of its images, the names of its classes) of a run, by its model.safetensors.

    Raises FileNotFoundError or CheckpointError if metrics.json is not beside it, or does not say what network it is.
    """
    about = weights.with_name("metrics.json")
    try:
        chosen = json.loads(about.read_text())["options"]
        model, image, classes, names = (chosen[name] for name in ("model", "image", "classes", "names"))
        net = MODELS[model](image=tuple(image), classes=classes)
        names = [*names, *map(str, range(len(names), classes))]
    except FileNotFoundError:
        raise FileNotFoundError(f"{about} is not there, which says what network these weights are of") from None
    except (KeyError, ValueError, TypeError):
        raise CheckpointError(f"{about} does not say what network these weights are of; train it again") from None
    return load(net, weights), image, names
