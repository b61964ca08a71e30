"""Each formula worked out on numbers that can be done by hand, as a session at Python's prompt.

The tests run every session and compare what it prints; the page runs it again and draws what comes out. A file holds
those of one chapter: the number of a formula, or a moment's name, -> session. NAMES are defined in all of them.
"""

import numpy as np

import backprop as bp
from backprop import graph
from backprop.check import differences
from backprop.lecture.companion.worked import beyond, graphs, images, layers, losses, moments, training

NAMES = {"np": np, "bp": bp, "differences": differences, "graph": graph}
CHAPTERS = (layers, losses, images, graphs, training, beyond, moments)
SESSIONS = {number: session for chapter in CHAPTERS for number, session in chapter.SESSIONS.items()}
