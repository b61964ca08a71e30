"""Exercises: a layer's file with its formulas blanked out, and a grader that says what a wrong answer looks like.

blanks.py     our source, with `...` where a numbered formula is computed
grading.py    grades one answer; the grader runs it in a process of its own
check.py      the grader: all answers of a folder, each with a time limit, and none trusted
solution.py   our answer, down to NumPy
"""

from backprop.lecture.exercises.blanks import DEFAULT, exercise, file_of
from backprop.lecture.exercises.check import SECONDS, Grade, answers, check
from backprop.lecture.exercises.solution import solution
