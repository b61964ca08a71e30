"""The parameters of a group, and all that an optimizer keeps for them, as one argument."""


def all_parameters(*columns):
    """Lists of flat arrays, one list for each argument: those of one place are of one length and belong together."""
    return list(zip(*columns, strict=True))
