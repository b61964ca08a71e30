"""The companion page: the lecture's timeline, its formulas, and for each the code, the numbers and the check.

timeline.py    the lectures, minute by minute            sources.py     the live source, its lines marked
entries.py     the formulas, and where they live         worked/        examples that can be done by hand
reader.py      index notation into pieces of MathML      sessions.py    those examples, run
notation.py    and those as a line of a page             verdicts.py    the gradient check, run
page.py        all of it as one page; page.css and page.js are its style and its keys
"""

from backprop.lecture.companion.page import whole, write
