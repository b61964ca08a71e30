"""How a kernel becomes machine code in about half of the time that Numba would take.

Functions that kernels call become machine code only as a part of the kernels that they are linked into. Numba would
optimize and translate each of them on its own first, though Python never calls them. Here their code waits as LLVM's
intermediate language, as it was lowered. And passes of Numba are left out that find nothing in a kernel.
"""

import ctypes

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import InlineOverloads, IRLegalization, NativeLowering, NopythonRewrites
from numba.core.untyped_passes import (
    InlineClosureLikes,
    InlineInlinables,
    LiteralUnroll,
    MakeFunctionToJitFunction,
    WithLifting,
)

# What Python would call: a function of one object that is no integer, which raises TypeError.
REFUSE = ctypes.cast(ctypes.pythonapi.PyNumber_Index, ctypes.c_void_p).value

# What they look for is not in our vocabulary: closures, `with`, expressions of whole arrays, functions that Numba and
# not LLVM is to inline. The last adds an end of life to each variable, for counting references.
LEFT_OUT = {
    InlineClosureLikes,
    InlineInlinables,
    InlineOverloads,
    LiteralUnroll,
    MakeFunctionToJitFunction,
    NopythonRewrites,
    WithLifting,
    IRLegalization,
}

APART = set()  # functions of which LLVM is to make no copies where they are called


class Whole(JITCodeLibrary):
    """The code of a function that Python calls, with all that it calls: optimized in one go, once it is complete."""

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        manager, builder = self._codegen._module_pass_manager()
        manager.run(self._final_module, builder)


class Linked(Whole):
    """The code of a function that kernels call, as it was lowered."""

    apart = False

    def add_ir_module(self, module):
        if self.apart:
            for function in module.functions:
                if not function.is_declaration:
                    function.attributes.add("noinline")
        super().add_ir_module(module)

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class WholeLowering(NativeLowering):
    """Lowers a function into a library of the first kind."""

    _name = "whole_lowering"

    def run_pass(self, state):
        state.library = Whole(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class LinkedLowering(NativeLowering):
    """Lowers a function into a library of the second kind."""

    _name = "linked_lowering"

    def run_pass(self, state):
        target = state.targetctx
        state.library = Linked(target.codegen(), state.func_id.func_qualname)
        state.library.apart = state.func_id.func in APART
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        function, name = lowered.fndesc, lowered.fndesc.qualname
        entry = _dynfunc.make_function(function.lookup_module(), name, name, REFUSE, lowered.env, (state.library,))
        target.insert_user_function(entry, function, [state.library])
        state["cr"] = lowered._replace(cfunc=entry)
        return True


class WholeCompiler(Compiler):
    """Numba's passes, without those that are LEFT_OUT, and with a lowering of our own."""

    lowering = WholeLowering

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        own = {NativeLowering: self.lowering}
        passes.passes = [(own.get(each, each), why) for each, why in passes.passes if each not in LEFT_OUT]
        passes.finalize()
        return [passes]


class LinkedCompiler(WholeCompiler):
    """The same for a function that kernels call."""

    lowering = LinkedLowering
