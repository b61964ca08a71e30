"""Where a number comes from: the formula with these numbers put in, what met in it, and its line of code."""

import inspect

import numpy as np

from backprop.kernels.device import to_host
from backprop.layers import Bias, Flatten, Linear
from backprop.layers.batch_norm import BatchNorm
from backprop.layers.conv import Convolution
from backprop.layers.conv_transpose import TransposedConvolution
from backprop.layers.padding import Padding
from backprop.layers.pool import AdaptiveAvgPooling, AvgPooling, MaxPooling
from backprop.lecture.companion import sources
from backprop.lecture.companion.notation import display
from backprop.lecture.formulas import stated
from backprop.lecture.live.slopes import MOST_ABOVE, terms_of_input, terms_of_output
from backprop.loss import CrossEntropyLoss
from backprop.show.explain.names import ACTIVATIONS

MOST_TERMS = 10  # that are written out; the others are added up
MOST_MET = 4096  # entries that are lit up
GRAPH = 1e-3  # of the largest part: what is missing more than this is no rounding
SUMS = (Linear, Bias, Convolution, TransposedConvolution, AvgPooling, AdaptiveAvgPooling, BatchNorm, Padding)


def account(way, row, kind, entry, pages=True):
    """Where `kind`, "value" or "delta", of an entry (flat index) of row number `row` of a Pass comes from: a dict.

    name, number   u₁[3, 0, 5], and what it is
    words          the formula with numbers put in
    terms          what it is the sum of: Terms, the largest first
    more, others   how many more there are, and their sum
    added          what is none of these products: of a value the bias; of a delta what came past the layers, through
                   the graph between them, or rounding; None where the number is no sum
    met            [(row, kind, entries)], those that met in it
    formulas, code as HTML, with `pages`: see page_of

    Raises IndexError for an entry that is not there.
    """
    shown = way.rows[row]
    array = shown.value if kind == "value" else shown.delta
    number = float(np.asarray(to_host(array)).reshape(-1)[entry])
    told = _value(way, row, entry, number) if kind == "value" else _delta(way, row, entry, number)
    formulas, code = page_of(way, row, kind) if pages else ("", "")
    maker = shown if kind == "value" else next((way.rows[place] for place in way.readers(row)), shown)
    weights = isinstance(maker.module, (Linear, Convolution, TransposedConvolution))  # whose slopes are its weights
    name = _name(shown, kind, entry)
    return {"name": name, "number": number, "weights": weights, **told, "formulas": formulas, "code": code}


def page_of(way, row, kind):
    """(formulas, lines of code) as HTML, of what computed the values, or deltas, of a row; empty for a graph."""
    readers = way.readers(row)
    shown = way.rows[row] if kind == "value" else way.rows[readers[0]] if readers else None
    if shown is None or shown.module is None:
        return "", ""
    return _page(type(shown.module), "forward" if kind == "value" else "backward")


def _value(way, row, entry, number):
    shown = way.rows[row]
    module = shown.module
    if module is None:
        return _told(f"a pixel: {_number(number)}", [], [])
    if isinstance(module, CrossEntropyLoss):
        share = np.exp(-number)
        words = f"−log softmax(z)[{way.target}] = −log {_number(share)} = {_number(number)}"
        return _told(words, [], [(_from(way, shown), "value", [way.target])])
    terms, reads = terms_of_output(shown, entry)
    met = [term.entry for term in terms]
    if isinstance(module, ACTIVATIONS) and len(terms) <= 1:
        words, met = f"{type(module).__name__}({_number(reads[entry])}) = {_number(number)}", [entry]
    elif isinstance(module, MaxPooling):
        words = f"the largest of its window, {_number(number)}"
    elif isinstance(module, (SUMS, Flatten)):
        words = ""
    else:
        words = f"made of {len(terms)} numbers; beside each the slope by it, ∂({shown.symbol})/∂(it)"
    added = number - sum(term.product for term in terms) if isinstance(module, SUMS) else None
    return _told(words, terms, [(_from(way, shown), "value", met)], added)


def _delta(way, row, entry, number):
    """Its parts, one for each layer that read the array; where the graph added something in between, their sum."""
    readers = [place for place in way.readers(row) if way.rows[place].delta is not None]
    if way.rows[row].symbol == "L":
        return _told("∂L/∂L = 1, the derivative of the loss with respect to itself", [], [])
    if not readers:
        words = "(17): a sum over its uses, which are operations of the graph, between layers"
        return _told(words, [], [])
    parts, met, unasked = [], [], 0
    for place in readers:
        reader = way.rows[place]
        if isinstance(reader.module, CrossEntropyLoss):
            share = number + (entry == way.target)
            numbers = f"{_number(share)} − {int(entry == way.target)} = {_number(number)}"
            words = f"softmax(z)[{entry}] − [{entry} is the chosen class] = {numbers}"
            return _told(words, [], [(place, "delta", [0])])
        terms, others = terms_of_input(reader, entry)
        parts, unasked = parts + terms, unasked + others
        met.append((place, "delta", [term.entry for term in terms]))
    added = number - sum(term.product for term in parts)
    largest = max((abs(term.product) for term in parts), default=0)
    words = f"(17): the sum over its {len(readers)} uses" if len(readers) > 1 else ""
    if unasked:
        words = f"the {MOST_ABOVE} largest deltas above it, of {MOST_ABOVE + unasked}, and all others together"
    elif abs(added) > GRAPH * largest:
        words = "(17): a sum over its uses, of which this layer is one; the others are in the graph, between layers"
    elif not parts:
        words = _why_zero(way, readers[0], entry)
    return _told(words, parts, met, added)


def _why_zero(way, place, entry):
    """What a delta of 0 is due to: the slope of the layer above, or the deltas that come to it."""
    reader = way.rows[place]
    above, read = to_host(reader.delta).reshape(-1), to_host(reader.reads).reshape(-1)
    if isinstance(reader.module, ACTIVATIONS) and above[entry]:
        name = type(reader.module).__name__
        return f"{_number(above[entry])} · 0 = 0: {name} has the slope 0 at {_number(read[entry])}"
    if isinstance(reader.module, MaxPooling):
        return "0: another entry of its window was the largest, or no delta came to that"
    return "0: every delta that it would be made of is 0"


def _told(words, terms, met, added=None):
    others = terms[MOST_TERMS:]
    return {
        "words": words,
        "terms": [term._asdict() for term in terms[:MOST_TERMS]],
        "more": len(others),
        "others": sum(term.product for term in others),
        "added": added,
        "met": [(row, kind, entries[:MOST_MET]) for row, kind, entries in met if row is not None],
    }


def _page(kind, way):
    """(the formulas of a layer's forward, or of its delta; the lines that compute them), as HTML."""
    for home in kind.__mro__:
        found = [s for s in stated(inspect.getdoc(home) if "__doc__" in vars(home) else "") if s.way == way]
        found = [s for s in found if way == "forward" or s.text.startswith("delta")]
        found = [s for s in found if s.numbers != ("40",)]  # the labels are not smoothed here
        if found:
            numbers = list(dict.fromkeys(n for statement in found for n in statement.numbers))
            texts = "".join(_statement(statement) for statement in found)
            blocks = {block: None for n in numbers for block in sources.of_home(home, n)}
            return texts, "".join(block.html() for block in blocks if block.lines)
    return "", ""


def _statement(statement):
    marks = " ".join(f"({number})" for number in statement.numbers)
    why = f"<small>{display(statement.why)}</small>" if statement.why else ""
    return f"<p><b>{marks}</b> {display(statement.text)} {why}</p>"


def _from(way, shown):
    """The number of the row that it was computed from, None where that is between layers."""
    return next((n for n, row in enumerate(way.rows) if row.value is shown.reads), None)


def _name(shown, kind, entry):
    shape = np.shape(shown.value)
    place = np.unravel_index(entry, shape)[1 if shape[:1] == (1,) else 0 :]
    index = f"[{', '.join(map(str, place))}]" if place else ""
    return f"{'δ of ' if kind == 'delta' else ''}{shown.symbol}{index}"


def _number(x):
    return f"{x:.4g}".replace("-", "−")
