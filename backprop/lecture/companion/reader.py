"""Index notation read from left to right into pieces of MathML: each a symbol with all that is attached to it."""

import html
import re

# fmt: off
GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "eta": "η", "theta": "θ", "mu": "μ", "pi": "π",
    "sigma": "σ", "phi": "φ",
}
UPRIGHT = (  # names of more than one letter
    "Im", "base", "clip", "cos", "cosh", "dampening", "end_factor", "eta_min", "exp", "floor", "hh", "ih", "index",
    "keep", "log", "lr", "max", "mean", "min", "momentum", "onehot", "pad", "relu", "rms", "running", "share",
    "sigmoid", "sign", "sin", "softmax", "start_factor", "std", "step_size", "tan", "tanh", "T_max", "total_iters",
    "var", "weight_decay",
)
# fmt: on
WORDS = ("that", "what")  # not a letter with a hat
SPACE = "<mspace width=.17em></mspace>"
SYMBOLS = {*GREEK, *UPRIGHT, "where", "and", "over", "sum", "xhat"}  # what may follow a letter a
ACCENTS = {"bar": "¯", "dot": "˙", "hat": "ˆ"}
OPERATORS = {"*": "⊙", "<-": "←", "<=": "≤", ">=": "≥", "!=": "≠", "-": "−", "...": "…", "⊙": "⊙", "+=": "+="}
LONGEST_INDEX = 9  # characters; a longer one is set in brackets after its name

TOKEN = re.compile(
    r"\s*(?:(?P<slope>d(?P<of>[A-Za-z]\w*)/d(?P<by>[A-Za-z]\w*))|(?P<name>[A-Za-zα-ω]+\d*)(?P<prime>'s\b|'?)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)|(?P<operator><-|<=|>=|!=|\+=|\.\.\.|[^\sA-Za-z\d]))"
)
KNOWN_WITH_LINE = sorted((word for word in UPRIGHT if "_" in word), key=len, reverse=True)


class Reader:
    """Reads a text from left to right, a piece at a time."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def peek(self):
        return TOKEN.match(self.text, self.at)

    def row(self, until=""):
        """The pieces up to one of the closing characters `until`, which is consumed, or to the end."""
        pieces = []
        while (token := self.peek()) is not None:
            if token["operator"] and token["operator"] in until:
                self.at = token.end()
                break
            if token["operator"] == "/" and pieces:
                self.at = token.end()
                pieces[-1] = self._fraction(pieces[-1])
                continue
            piece = self._piece()
            pieces.append(piece)
        return pieces

    def _fraction(self, above):
        """above / what comes next; brackets around a whole side are not needed; after a sum sign, all of its terms."""
        below = self._piece()
        if below.startswith("<munder>") or below == "<mo>∑</mo>":
            below += self._piece()
        return f"<mfrac>{_bare(above)}{_bare(below)}</mfrac>"

    def _piece(self):
        """The next symbol with all that is attached to it: primes, an index, a subscript, a power."""
        token = self.peek()
        if token is None:
            return "<mrow></mrow>"
        for word in KNOWN_WITH_LINE:
            if token["name"] and self.text.startswith(word, token.start("name")):
                self.at = token.start("name") + len(word)
                return self._hanging(f"<mi>{word}</mi>")
        self.at = token.end()
        if token["slope"]:
            return self._slope(token)
        if token["name"]:
            return self._named(token["name"], token["prime"])
        if token["number"]:
            return self._hanging(f"<mn>{token['number']}</mn>")
        sign = token["operator"]
        if sign in "([{|":
            closing = {"(": ")", "[": "]", "{": "}", "|": "|"}[sign]
            inside = self.row(closing)
            left, right = ("", "") if sign == "{" else (f"<mo>{sign}</mo>", f"<mo>{closing}</mo>")
            return self._hanging(f"<mrow>{left}{''.join(inside)}{right}</mrow>")
        if sign == "`":  # around code
            return ""
        if sign == "'":
            return "<mo>′</mo>"
        return f"<mo>{html.escape(OPERATORS.get(sign, sign))}</mo>"

    def _slope(self, token):
        """dL/dX as a fraction of differentials, with what is attached to X."""
        self.at = token.start("by")
        by = self._piece()
        of = "".join(Reader(token["of"]).row())
        sign = "<mi mathvariant=normal>∂</mi>"
        return f"<mfrac><mrow>{sign}{of}</mrow><mrow>{sign}{by}</mrow></mfrac>"

    def _named(self, name, primes):
        following = self.text[self.at :].lstrip()
        if name == "sum":
            if following.startswith(("of", "over")):
                return "<mtext>&nbsp;sum&nbsp;</mtext>"
            if self.text.startswith("_", self.at):
                self.at += 1
                return f"<munder><mo>∑</mo>{self._subscript()}</munder>"
            return "<mo>∑</mo>"
        if name == "sqrt" and following.startswith("("):
            return f"<msqrt>{_bare(self._piece())}</msqrt>"
        for accent, sign in ACCENTS.items():
            if name.endswith(accent) and len(name) == len(accent) + 1 and name not in WORDS:
                letter = f"<mover><mi>{name[0]}</mi><mo>{sign}</mo></mover>"
                return self._hanging(letter)
        if name == "a" and re.match(r" +[a-z]{3,} ", self.text[self.at :]) and following.split()[0] not in SYMBOLS:
            return "<mtext>&nbsp;a&nbsp;</mtext>"  # the article
        symbol = _symbol(name)
        if symbol.startswith("<mtext>"):
            word = symbol.replace(name, name + primes)
            return self._hanging(word) if self.text.startswith("^", self.at) else word
        if primes == "'s":  # a genitive, not a derivative
            return f"<mrow>{symbol}<mtext>’s</mtext></mrow>"
        if primes:
            symbol = f"<mrow>{symbol}<mo>′</mo></mrow>"
        symbol = self._hanging(symbol)
        if self.text.startswith("(", self.at):  # without a space: a function of what is in the brackets
            return f"<mrow>{SPACE if len(name) > 2 else ''}{symbol}{self._piece()}</mrow>"
        return f"<mrow>{SPACE}{symbol}{SPACE}</mrow>" if len(name) > 2 and name in UPRIGHT else symbol

    def _subscript(self):
        if self.text.startswith("{", self.at):
            self.at += 1
            return f"<mrow>{''.join(self.row('}'))}</mrow>"
        token = self.peek()
        self.at = token.end()
        return _symbol(token["name"]) if token["name"] else f"<mn>{token['number'] or token['operator']}</mn>"

    def _hanging(self, base):
        """A subscript _x, an index [i,j], and a power ^2, each if it follows without a space."""
        if self.text.startswith("_", self.at):
            self.at += 1
            base = f"<msub>{base}{self._subscript()}</msub>"
        if self.text.startswith("[", self.at):
            closing = _closing(self.text, self.at)
            index = self.text[self.at + 1 : closing]
            self.at = closing + 1
            inside = "".join(Reader(index).row())
            if base.startswith("<msub>"):  # delta_a has an index of its own
                base = f"<mrow><mo>(</mo>{base}<mo>)</mo></mrow>"
            if len(index) > LONGEST_INDEX or "=" in index:
                base = f"<mrow>{base}<mo>[</mo>{inside}<mo>]</mo></mrow>"
            else:
                base = f"<msub>{base}<mrow>{inside}</mrow></msub>"
            if self.text.startswith("[", self.at):
                base = self._hanging(base)
        if self.text.startswith("^", self.at):
            self.at += 1
            base = f"<msup>{base}{self._power()}</msup>"
        return base

    def _power(self):
        if self.text.startswith("T", self.at) and not self.text[self.at + 1 : self.at + 2].isalnum():
            self.at += 1
            return "<mo>⊤</mo>"
        if self.text.startswith("-", self.at):
            self.at += 1
            return f"<mrow><mo>−</mo>{self._piece()}</mrow>"
        return _bare(self._piece())


def _symbol(name):
    """One letter, a Greek one, or a word: a known one is a name, any other is plain text."""
    letters, digits = re.fullmatch(r"([^\d]+)(\d*)", name).groups()
    if letters in GREEK or len(letters) == 1 or letters in UPRIGHT:
        symbol = f"<mi>{GREEK.get(letters, letters)}</mi>"
        return f"<msub>{symbol}<mn>{digits}</mn></msub>" if digits else symbol
    if letters.startswith("d") and letters[1:] in GREEK:
        return f"<mrow><mi mathvariant=normal>∂</mi><mi>{GREEK[letters[1:]]}</mi></mrow>"
    return f"<mtext>&nbsp;{html.escape(name)}&nbsp;</mtext>"


def _bare(piece):
    """A piece without the round brackets around all of it."""
    inside = re.fullmatch(r"<mrow><mo>\(</mo>(.*)<mo>\)</mo></mrow>", piece)
    return f"<mrow>{inside[1]}</mrow>" if inside else f"<mrow>{piece}</mrow>"


def _closing(text, opening):
    depth = 0
    for place in range(opening, len(text)):
        depth += {"[": 1, "]": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)
