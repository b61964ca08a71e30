"""Exercises: a layer's file with its formulas blanked out, and a grader that says what a wrong answer looks like.

blanks.py     our source, with `...` where a numbered formula is computed
grading.py    one answer, judged: run by the grader in a process of its own
check.py      all answers of a folder, each given a time, and none trusted
solution.py   ours, down to NumPy
"""

from backprop.lecture.exercises.blanks import DEFAULT, exercise, file_of
from backprop.lecture.exercises.check import SECONDS, Grade, answers, check
from backprop.lecture.exercises.solution import solution
