"""One answer, judged in a process of its own: `python -m backprop.lecture.exercises.grading FILE LAYER RESULT`.

The result is a JSON file with the `status`, `arrays` and `lines` of `check.Grade`. If the answer kills its process, or
never ends, there is no such file, and the waiting grader reports that.
"""

import ast
import json
import os
import sys
import traceback
from pathlib import Path

import numpy as np

import backprop as bp
from backprop.check.gradcheck import gradcheck
from backprop.lecture.examples import examples
from backprop.lecture.exercises.blanks import PLAIN, TO_DERIVE, gradient_of, hint, hints, named

LEFT, LOOK_AT = ["backward has a `...` left"], "    look at "
MEMORY, PRINTED = 8 << 30, 16 << 20  # bytes of memory that an answer may use, and that it may write


def grade(path, name):
    """The result, a dict, of the answer in the file `path` for the layer `name`."""
    kind = named(name)
    try:
        tree = ast.parse(Path(path).read_bytes(), str(path))
    except SyntaxError as error:
        return _result("fails", lines=[f"{Path(path).name}, line {error.lineno}: {error.msg}"])
    except Exception as error:  # it cannot be read, or is nested too deeply
        return _result("fails", lines=_told(error, path))
    found = _graded(tree, path, kind)
    if TO_DERIVE in (ast.get_docstring(tree) or ""):  # then hints must not give a formula away
        told = hints(kind)
        found["lines"] = [line for line in found["lines"] if line.removeprefix(LOOK_AT) not in told]
    return found


def _graded(tree, path, kind):
    missing = set()
    try:
        missing = _not_written(tree)
        if any(method == "forward" for method, _ in missing):
            return _result("not written", lines=["forward has a `...` left", *hint(kind, "output")])
        found = _judged(_class(tree, path, kind.__name__), kind, missing)
    except BaseException as error:  # an answer may raise anything, SystemExit and KeyboardInterrupt included
        found = _result("fails", lines=_told(error, path))
        if not _unfinished(missing) and (target := _blanked_out(tree, error, path)) is not None:
            others = _graded(tree, path, kind)  # the other arrays are judged all the same
            lines = [line for line in others["lines"] if line not in [*LEFT, *hint(kind, target)]]
            return _result("fails", {**others["arrays"], target: "fails"}, [*found["lines"], *lines])
    if missing and found["status"] == "fails" or found["status"] == "WRONG" and _unfinished(missing):
        return _result("not written", found["arrays"], [*LEFT, *found["lines"]])
    return found


def _unfinished(missing):
    """Whether a value on the way to the gradients is not written."""
    return any(target == "output" for _, target in missing)


def _blanked_out(tree, error, path):
    """Put `...` in place of the formula of backward in which an error was raised. Returns whose gradient it is, or
    None if the error was raised elsewhere.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    line = next((f.lineno for f in frames if f.name == "backward"), 0)
    for statement in ast.walk(tree):
        target = gradient_of(statement)
        if target and statement.lineno <= line <= statement.end_lineno:
            blank = ast.copy_location(ast.Constant(...), statement)
            if isinstance(statement, ast.Return):
                statement.value = blank
            else:
                statement.value.args = [blank]
            return target
    return None


def _result(status, arrays=None, lines=()):
    return {"status": status, "arrays": arrays or {}, "lines": list(lines)}


def _not_written(tree):
    """(method, target) of each `...` that is still in place of a formula. `accumulate(...)` becomes a no-op."""
    found = set()
    for method in ast.walk(tree):
        if not isinstance(method, ast.FunctionDef):
            continue
        for statement in ast.walk(method):
            if not any(isinstance(n, ast.Constant) and n.value is ... for n in ast.iter_child_nodes(statement)):
                continue
            match statement:
                case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=target), attr="accumulate")):
                    statement.func = ast.copy_location(ast.Name("print", ast.Load()), statement)
                    statement.args = []
                    statement.keywords = [ast.keyword("end", ast.copy_location(ast.Constant(""), statement))]
                    found.add((method.name, target))
                case ast.Return():
                    found.add((method.name, "output" if method.name == "forward" else "input"))
                case ast.Assign():
                    found.add((method.name, "output"))
    return found


def _class(tree, path, name):
    space = {"__name__": "answer", "__file__": str(path)}
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), space)
    theirs = space.get(name)
    if not (isinstance(theirs, type) and issubclass(theirs, bp.Module)):
        raise bp.ParameterError(f"the file must define a Module called {name}")
    return theirs


def _judged(theirs, kind, missing):
    """Grade each example asked for: its output against ours, its gradients by the gradient check."""
    name = kind.__name__
    setattr(bp, name, kind)
    ours = [e for e in examples() if type(e.module) is kind]
    setattr(bp, name, theirs)  # from here on, in this process only, the examples use their layer
    answers = [e for e in examples() if type(e.module) is theirs]
    asked = PLAIN.get(name, [e.title for e in ours])
    arrays, lines = {}, []
    for our, answer in zip(ours, answers, strict=True):
        if our.title not in asked:
            continue
        _draw_alike(our.module, answer.module)
        expected, found = our.module(*our.inputs), answer.module(*answer.inputs)
        if np.shape(found) != np.shape(expected) or not np.allclose(found, expected, 1e-5, 1e-6):
            arrays["output"] = "WRONG"
            lines += [f"output: {_forward_differs(found, expected)}  [{our.title}]", *_look_at(kind, "output")]
            break
        report = gradcheck(answer.module, *answer.inputs)
        for row in report.rows:
            empty = row.diagnosis is not None and row.diagnosis.kind in ("no gradient", "no array")
            written = row.ok or not (missing and (empty or ("backward", row.path) in missing))
            verdict = "right" if row.ok else "WRONG" if written else "not written"
            if arrays.get(row.path, "right") == "right":
                arrays[row.path] = verdict
                if verdict == "WRONG":
                    lines.append(f"{row.path}: {row.diagnosis or row.verdict}  [{our.title}]")
                    lines += _look_at(kind, row.path)
        lines += [f"note: {words}" for words in report.notes if f"note: {words}" not in lines]
    verdicts = set(arrays.values())
    status = "WRONG" if "WRONG" in verdicts else "not written" if "not written" in verdicts else "right"
    if status == "not written":
        lines += [line for target, verdict in arrays.items() if verdict == "not written" for line in hint(kind, target)]
    if status == "right":
        lines += _in_float32(answers[0], ours[0])
    return _result(status, arrays, lines)


def _in_float32(answer, ours):
    """Notes on an answer that is right in float64 but fails in float32, which training uses."""
    try:
        found = answer.module(*answer.inputs)
        expected = ours.module(*ours.inputs)
        delta = np.ones_like(found) if isinstance(found, np.ndarray) else 1.0
        below, wanted = answer.module.backward(delta), (ours.module.backward(delta if np.ndim(expected) else 1.0))
    except Exception as error:
        return [f"note: right in float64, but in float32, as in training, it raises {type(error).__name__}: {error}"]
    if getattr(below, "dtype", None) != getattr(wanted, "dtype", None):
        return [
            f"note: given float32 it returns {below.dtype}, which other layers reject; end with .astype(delta.dtype)"
        ]
    return []


def _draw_alike(ours, theirs):
    """Let both draw the same random numbers, such as dropout's masks, whatever was seeded since they were made."""
    for (_, mine), (_, other) in zip(ours.named_streams(), theirs.named_streams(), strict=False):
        seed, step = mine.seed, mine.step
        mine.seek(seed, step), other.seek(seed, step)


def _look_at(kind, target):
    return [f"{LOOK_AT}{line}" for line in hint(kind, target)]


def _forward_differs(found, expected):
    if np.shape(found) != np.shape(expected):
        return f"forward gives shape {np.shape(found)}, ours {np.shape(expected)}"
    worst = np.unravel_index(np.argmax(np.abs(np.asarray(found) - expected)), np.shape(expected))
    place = f" at {tuple(map(int, worst))}" if worst else ""
    return f"forward gives {np.asarray(found)[worst]:.6g}{place}, ours {np.asarray(expected)[worst]:.6g}"


def _told(error, path):
    """An exception raised in the answer's own lines: where, and what."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    lines = [f"{Path(path).name}, line {f.lineno}, in {f.name}: {f.line}" for f in frames[-1:]]
    if isinstance(error, (ValueError, IndexError)):
        lines += _at_hand(error, path)
    try:
        words = str(error)
    except Exception:
        words = "(an exception without a readable message)"
    return [*lines, f"{type(error).__name__}: {words}"[:500]]


def _at_hand(error, path):
    """The shapes of the arrays in scope at the line that failed: NumPy's own messages are hard to read."""
    walk = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    shapes = {}
    for name, value in walk[-1].f_locals.items() if walk else ():
        if isinstance(value, np.ndarray):
            shapes[name] = value.shape
        elif name == "self" and isinstance(value, bp.Module):
            shapes |= {f"self.{own}.data": p.shape for own, p in value.own_parameters()}
            cache = value.call and value.call.cache
            shapes |= {"self.cache": cache.shape} if isinstance(cache, np.ndarray) else {}
    return ["in scope: " + ", ".join(f"{name} {shape}" for name, shape in shapes.items())] if shapes else []


def _with_limits():
    """Limit the memory and output of an answer, where the system can."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (PRINTED, PRINTED))


def main(path, name, result):
    del sys.argv[1:]
    sys.path.append(str(Path(path).parent))  # so that an answer can import files beside itself
    with (
        open(result, "w", encoding="utf-8") as file,
        bp.use_kernels("reference"),
    ):  # nothing is compiled for small arrays
        _with_limits()
        json.dump(grade(path, name), file)
    os._exit(0)  # even if an answer has left threads running


if __name__ == "__main__":
    main(*sys.argv[1:])
