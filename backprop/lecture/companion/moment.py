"""A row of the timeline: what it is about, and whether its code exists."""

import importlib
from typing import NamedTuple


class Moment(NamedTuple):
    """A row of the timeline.

    text       prose, with `code` between backquotes and $formulas$ between dollar signs
    formulas   the numbers of its formulas
    places     its code, as dotted names after `backprop.`; a moment with one that does not exist is "not built"
    command    a line for a terminal that shows it
    session    the name of a worked session
    picture    the name of a picture
    """

    lecture: str
    time: str
    title: str
    text: str
    formulas: tuple = ()
    places: tuple = ()
    command: str = ""
    session: str = ""
    picture: str = ""

    @property
    def missing(self):
        """The places that do not exist."""
        return [place for place in self.places if resolve(place) is None]

    @property
    def built(self):
        return bool(self.places) and not self.missing


def resolve(place):
    """The object of that name in `backprop`, or None."""
    parts = place.split(".")
    for split in range(len(parts), -1, -1):
        try:
            found = importlib.import_module(".".join(["backprop", *parts[:split]]))
            for name in parts[split:]:
                found = getattr(found, name)
            return found
        except ModuleNotFoundError:
            continue
        except AttributeError:
            return None
    return None
