"""What Python calls: a kernel with its arguments packed, so that any thread of the team can compute a part of it.

    kernel(..., part, parts)             computes a part of its output
    entry(record, part, parts, worker)   takes the arguments from memory and calls the kernel
    launch(context, ...)                 what Python calls: packs the arguments, and hands entry and record to the team

The last two are written here for every kernel. `part` and `parts` are to a kernel what the number of a block and of
blocks are on a GPU.
"""

import functools
import inspect
import time
import types

from llvmlite import ir
from numba.core import cgutils
from numba.core import types as numba_types
from numba.extending import intrinsic

from backprop.kernels.cpu.jit import EXACT, FAST, LINKED, compiled, single
from backprop.kernels.cpu.team.members import context, start
from backprop.kernels.cpu.team.pace import Pace
from backprop.kernels.cpu.team.walk import (
    ANSWERS,
    FINE,
    RAISED,
    ROW,
    SMALL,
    THREADS,
    WALK,
    WITHOUT_TEAM,
    WORK,
    help_team,
    walk,
)
from backprop.kernels.cpu.team.words import INT, WORD

LAST = ["part", "parts"], ["part", "parts", "worker"]  # what a kernel may take besides its arguments

COMPILED = {"walk": walk, "help_team": help_team}  # name -> dispatcher, for all that Python calls


class Kernel:
    """A kernel as Python calls it: with its arguments, but without part, parts and worker.

    `work` is what its arrays' sizes are multiplied by to tell whether several threads should share it, or the size of
    the one called `of`; `split`, into how many parts for each of them.
    """

    def __init__(self, function, compiled, jit, work, of, split):
        own, numbers = _divided(list(inspect.signature(function).parameters.values()))
        counted = [n for n, each in enumerate(own) if of in (None, each.name)]
        compiled.sharing = work if numbers else 0, counted, split, numbers
        self.__signature__, self.__wrapped__ = inspect.Signature(own), function
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self.name = f"{function.__module__}.{function.__name__}"
        self.dispatcher = jit(_launch(function, compiled, [each.name for each in own]))
        self._pace = Pace()
        COMPILED[self.name] = self.dispatcher

    def __call__(self, *args):
        if context.noted is not None:
            return context.noted.append((self, args))
        if context.address is None:
            context.begin()
        if context.listed is not None:
            self._follow(self.dispatcher(context.address, *args) % ANSWERS, 0)
            return context.listed.take(args)
        address, begin = context.address if self._pace.choose() else context.alone, time.perf_counter()
        answer = self.dispatcher(address, *args)
        if answer != FINE:
            self._follow(answer, time.perf_counter() - begin)
        return None

    def _follow(self, answer, seconds):
        work, answer = divmod(answer, ANSWERS)
        if answer == RAISED:
            raise RuntimeError(f"the kernel {self.name} raised an exception")
        if answer == WITHOUT_TEAM:
            start(at_once=False)
        elif work > 0:
            self._pace.took(seconds / work)

    def types_of(self, args):
        """The types by which its form for these arguments is known."""
        return INT, *map(self.dispatcher.typeof_pyval, args)


def is_missing(name, types):
    """Whether the form of COMPILED[name] for these types has to be compiled."""
    dispatcher = COMPILED[name]
    cache = dispatcher._cache
    if types in dispatcher.overloads or not hasattr(cache, "_cache_file"):
        return False
    key = cache._index_key(types, dispatcher.targetctx.codegen())
    try:
        return key not in cache._cache_file._load_index()
    except Exception:  # files that are cut or foreign
        return True


def kernel(function=None, *, fastmath=FAST, work=1, of=None, split=4):
    """A function (arguments, part, parts) that Python calls without the last two: the team's threads share its parts.
    One without them is called once, by one thread.

    A third number that it may take, `worker`, is that of the thread, below MOST (team/members.py), by which each has
    scratch memory of its own. `work`, `of` and `split` as in `Kernel`.
    """
    if function is None:
        return functools.partial(kernel, fastmath=fastmath, work=work, of=of, split=split)
    return Kernel(function, compiled(fastmath=fastmath, **LINKED)(function), single, work, of, split)


exact_kernel = functools.partial(kernel, fastmath=EXACT)  # where the order of the operations matters


def _divided(parameters):
    """A kernel's own parameters, and how many others come after them."""
    for last in LAST:
        if [each.name for each in parameters[-len(last) :]] == last:
            return parameters[: -len(last)], len(last)
    return parameters, 0


def _launch(function, compiled, names):
    """The function `launch` for a kernel with parameters of these names, as if it were written where the kernel is."""
    name, names = function.__name__, ", ".join(names)
    source = f"def {name}(context, {names}):\n    return hand_over(context, compiled, ({names},))"
    made = compile(source, function.__code__.co_filename, "exec")
    code = next(each for each in made.co_consts if isinstance(each, types.CodeType))
    code = code.replace(co_firstlineno=function.__code__.co_firstlineno)
    launch = types.FunctionType(code, {"hand_over": hand_over, "compiled": compiled}, name)
    launch.__module__, launch.__qualname__ = function.__module__, name
    return launch


@intrinsic
def hand_over(typing, context, compiled, args):
    """Pack the arguments and let the team `walk` a list of one call. Returns its answer, and ANSWERS times the work if
    that is more than SMALL.
    """
    work, counted, split, count = compiled.dispatcher.sharing
    numbers = (INT,) * count
    returned = typing.resolve_function_type(compiled, (*args.types, *numbers), {}).return_type  # which compiles it
    if returned != numba_types.none:
        raise TypeError(f"the kernel {compiled.dispatcher.py_func.__name__} returns {returned}")

    def codegen(target, builder, signature, values):
        context, _, packed = values
        kernel = compiled.dispatcher.overloads[(*args.types, *numbers)]
        target.active_code_library.add_linking_library(kernel.library)
        record = ir.LiteralStructType([target.data_model_manager[each].get_data_type() for each in args.types])
        size = target.get_abi_sizeof(record)
        place = cgutils.alloca_once(builder, record)
        numbers_in_all = WORD(0)
        for n, each in enumerate(args.types):
            value = builder.extract_value(packed, n)
            target.pack_value(builder, each, value, cgutils.gep_inbounds(builder, place, 0, n))
            if isinstance(each, numba_types.Array) and n in counted:
                count = target.make_array(each)(target, builder, value).nitems
                numbers_in_all = builder.add(numbers_in_all, count)
        row = cgutils.alloca_once(builder, ir.ArrayType(WORD, ROW))
        words = [
            builder.ptrtoint(_entry(target, builder.module, kernel, record, len(args.types)), WORD),
            builder.ptrtoint(place, WORD),
            builder.mul(numbers_in_all, WORD(work)),
            WORD(split),
            WORD(-(-size // 8)),
        ]
        for n, word in enumerate(words):
            builder.store(word, cgutils.gep_inbounds(builder, row, 0, n))
        own = builder.inttoptr(context, WORD.as_pointer())
        walk, threads = (builder.load(builder.gep(own, [WORD(word)])) for word in (WALK, THREADS))
        walk = builder.inttoptr(walk, ir.FunctionType(WORD, [WORD] * 4).as_pointer())
        answer = builder.call(walk, [context, builder.ptrtoint(row, WORD), WORD(1), threads])
        much = builder.select(builder.icmp_signed(">", words[WORK], WORD(SMALL)), words[WORK], WORD(0))
        return builder.add(answer, builder.mul(much, WORD(ANSWERS)))

    return INT(INT, compiled, args), codegen


def _entry(target, module, kernel, record, count):
    """The function entry(record, part, parts, worker), which returns 0, or 1 if the kernel raised an exception."""
    name = f"entry.{kernel.fndesc.mangled_name}"
    entry = ir.Function(module, ir.FunctionType(WORD, [WORD] * 4), name)
    entry.linkage = "internal"
    builder = ir.IRBuilder(entry.append_basic_block())
    place, *numbers = entry.args
    place, types = builder.inttoptr(place, record.as_pointer()), kernel.fndesc.argtypes
    args = [target.unpack_value(builder, types[n], cgutils.gep_inbounds(builder, place, 0, n)) for n in range(count)]
    function = target.declare_function(module, kernel.fndesc)
    all_args = [*args, *numbers[: len(types) - count]]
    status, _ = target.call_conv.call_function(builder, function, kernel.fndesc.restype, types, all_args)
    builder.ret(builder.zext(status.is_error, WORD))
    return entry
