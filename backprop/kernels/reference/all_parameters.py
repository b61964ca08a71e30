"""The parameters of a group, and all that an optimizer keeps for them, as one argument."""


def all_parameters(*columns):
    """Takes one list of flat arrays per argument: arrays at the same index have one length and belong together."""
    return list(zip(*columns, strict=True))
