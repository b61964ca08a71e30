"""Functions that kernels call become machine code only as a part of the kernels that they are linked into.

Numba would optimize and translate each of them on its own first, though Python never calls them: half of the time that
a kernel takes to compile. Here their code waits as LLVM's intermediate language.
"""

import ctypes

from numba import _dynfunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

# What Python would call: a function of one object that is no integer, which raises TypeError.
REFUSE = ctypes.cast(ctypes.pythonapi.PyNumber_Index, ctypes.c_void_p).value

APART = set()  # functions of which LLVM is to make no copies where they are called


class Linked(JITCodeLibrary):
    """The code of one function, as it was lowered."""

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
class LinkedLowering(NativeLowering):
    """Lowers a function into a library of this kind."""

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


class LinkedCompiler(Compiler):
    """Numba's usual passes, but for the last."""

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(LinkedLowering if each is NativeLowering else each, why) for each, why in passes.passes]
        passes.finalize()
        return [passes]
