"""Every CPU kernel compiled to machine code for other machines: what the compiler makes of it, and what it calls.

    python -m tests.kernels.elsewhere          prints a JSON object: for each target how many kernels and bytes; symbols

The kernels are those that all layers need, as a processor without AVX gets them. It runs as a program, since a process
decides once how wide its registers are.
"""

import json
import re
from unittest import mock

import llvmlite.binding as llvm
import numpy as np
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target

TARGETS = {
    "Linux on a plain x86-64": ("x86_64-unknown-linux-gnu", "x86-64"),
    "Windows on a plain x86-64": ("x86_64-pc-windows-msvc", "x86-64"),
    "Linux on AArch64": ("aarch64-unknown-linux-gnu", "generic"),
    "macOS on Arm": ("arm64-apple-macosx", "generic"),
}


def compiled():
    """The modules, in LLVM's language, of all kernels and of the team."""
    modules, emit = [], JITCodeLibrary._finalize_specific

    def note(library):
        modules.append(str(library._final_module))
        emit(library)

    assert cpu_target.target_context  # which asks for the processor's real features
    with (
        mock.patch.object(llvm, "get_host_cpu_features", dict),
        mock.patch("numba.core.caching.Cache.load_overload", lambda *args: None),
        mock.patch("numba.core.caching.Cache.save_overload", lambda *args: None),
        mock.patch.object(JITCodeLibrary, "_finalize_specific", note),
    ):
        import backprop as bp
        from backprop.kernels.cpu.team import members
        from backprop.lecture.examples import examples

        some = [(example.module.to(np.float32), example.inputs) for example in examples()]
        large = bp.Sequential(bp.Conv2d(8, 16, 3), bp.MaxPool2d(2), bp.Flatten(), bp.Linear(16 * 13 * 13, 40))
        for module, inputs in [*some, (large, [np.zeros((9, 8, 28, 28), np.float32)])]:
            out = module(*(np.float32(a) if a.dtype.kind == "f" else a for a in inputs))
            module.backward(np.ones_like(out) if isinstance(out, np.ndarray) else 1)
        members.start()
    return modules


def translated(modules, triple, cpu):
    """The bytes of machine code of all modules for this target."""
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, reloc="pic")
    size = 0
    for module in modules:
        module = re.sub(r"target triple = .*", f'target triple = "{triple}"', module)
        module = re.sub(r"target datalayout = .*", f'target datalayout = "{machine.target_data}"', module)
        size += len(machine.emit_object(llvm.parse_assembly(module)))
    return size


def main():
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    modules = compiled()
    declared = {name for module in modules for name in re.findall(r'^declare .*?@"?([\w.$]+)', module, re.MULTILINE)}
    found = {target: translated(modules, *names) for target, names in TARGETS.items()}
    print(json.dumps({"kernels": len(modules), "bytes": found, "calls": sorted(declared)}))


if __name__ == "__main__":
    main()
