"""How Numba is made to compile kernels as parts of a whole; like reference.py, it knows Numba's inside.

Numba compiles each function as if Python called it: it links what the function calls, optimises all of that again and
makes machine code of it. Here a kernel ends as an unoptimised module; an entry links all that it reaches, and that is
optimised and turned into machine code together, once. This, one version for all values of an argument, and arguments
by reference (reference.py) took the compilation of the simulator from 90 to 18 seconds and nearly doubled its speed.

Three things that hold in a kernel, and that LLVM cannot know, make it faster by another third: no index counts from the
end, so none is looked at for it; nothing writes on a referenced tuple, so its words need no second look; and whoever is
linked is called by nobody else, so that functions may be merged, and arguments and results that never change dropped.
"""

import ctypes
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering
from numba.experimental.function_type import FunctionModel
from numba.extending import NativeValue, register_model, typeof_impl, unbox
from numba.np import arrayobj


class KernelLibrary(JITCodeLibrary):
    """The code of one kernel, which waits to be linked."""

    def create_ir_module(self, name: str) -> Any:
        """A module in which indices are taken as they are."""
        module: Any = super().create_ir_module(name)
        module.counts_from_begin = True
        return module

    def add_ir_module(self, ir_module: Any) -> None:
        """Add a module, in which references are said to be the only way to the tuples that they point to."""
        for function in ir_module.functions:
            for argument in function.args:
                is_reference = isinstance(getattr(argument.type, "pointee", None), ir.LiteralStructType)
                if is_reference and not argument.name.startswith("."):  # names with a dot are Numba's own
                    argument.add_attribute("noalias")
        super().add_ir_module(ir_module)

    def finalize(self) -> None:
        """Neither link nor optimise: who links this does both."""
        self._finalized = True

    def reached(self, found: dict[Any, None]) -> dict[Any, None]:
        """This library and all that it calls, directly or not, each once and in order."""
        if self not in found:
            found[self] = None
            for library in self._linking_libraries:
                if isinstance(library, KernelLibrary):
                    library.reached(found)
                else:
                    found[library] = None
        return found

    def _get_module_for_linking(self) -> Any:
        """A module with this kernel and all that it calls, any part of which an entry may drop or have already."""
        if self._shared_module is None:
            module = self._final_module.clone()
            for library in list(self.reached({}))[1:]:
                is_kernel = isinstance(library, KernelLibrary)
                part = library._final_module if is_kernel else library._get_module_for_linking()
                module.link_in(part, preserve=True)
            for function in module.functions:
                if not function.is_declaration and function.linkage.name == "external":
                    function.linkage = "linkonce_odr"
            self._shared_module = module
        return self._shared_module

    def get_pointer_to_function(self, name: str) -> int:
        """There is no machine code. Python, should it call a kernel, gets a TypeError."""
        return ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value or 0

    @property
    def codegen(self) -> Any:
        """Itself, where the code generator is asked to store the kernel's environment, which needs machine code."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing: only wrappers for Python and object mode read an environment."""


class EntryLibrary(JITCodeLibrary):
    """The code of one entry, with all that it reaches."""

    def finalize(self) -> None:
        """Link, optimise, emit."""
        self._own = {function.name for function in self._final_module.functions if not function.is_declaration}
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Optimise what was linked as parts of this entry, which nobody else can call."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.name not in self._own:
                function.linkage = "internal"
        super()._optimize_final_module()


class _Lowering(NativeLowering):
    """Numba's lowering of one function, into a library of ours."""

    _library: type[JITCodeLibrary]

    def run_pass(self, state: Any) -> Any:
        """Lower it."""
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class KernelLowering(_Lowering):
    """Of a kernel."""

    _name = "kernel_lowering"
    _library = KernelLibrary


@register_pass(mutates_CFG=True, analysis_only=False)
class EntryLowering(_Lowering):
    """Of an entry."""

    _name = "entry_lowering"
    _library = EntryLibrary


class _Compiler(CompilerBase):
    """Numba's passes, with a lowering of ours as the last but one."""

    _lowering: type[_Lowering]

    def define_pipelines(self) -> list[Any]:
        """The only pipeline: there is no object mode to fall back to."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.passes = [(self._lowering if part is NativeLowering else part, text) for part, text in pipeline.passes]
        pipeline._finalized = False
        pipeline.finalize()
        return [pipeline]


class KernelCompiler(_Compiler):
    """Of kernels."""

    _lowering = KernelLowering


class EntryCompiler(_Compiler):
    """Of entries."""

    _lowering = EntryLowering


def _index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as a number of elements: in a kernel's module as it is, elsewhere counted from the end if negative."""
    if getattr(builder.module, "counts_from_begin", False):
        return context.cast(builder, index, kind, types.intp)
    return _count_from_end(context, builder, kind, index, size)


_count_from_end = arrayobj.fix_integer_index
arrayobj.fix_integer_index = _index


class Pointer:
    """A compiled function as kernels take it: its address, looked up once and not at each call that hands it over."""

    def __init__(self, dispatcher: Any) -> None:
        (self.compiled,) = dispatcher.overloads.values()
        library, name = self.compiled.library, self.compiled.fndesc.llvm_cfunc_wrapper_name
        self.address = library.get_pointer_to_function(name)


class PointerType(types.FunctionType):
    """Numba's type of functions that are arguments; whoever hands one over hands over a `Pointer`."""


register_model(PointerType)(FunctionModel)


@typeof_impl.register(Pointer)
def type_of_pointer(pointer: Pointer, context: Any) -> PointerType:
    """That of what it points to."""
    return PointerType(pointer.compiled.signature)


@unbox(PointerType)
def read_address(kind: PointerType, pointer: Any, context: Any) -> NativeValue:
    """The address as it is: Numba would ask two functions of Python for it, which takes 4 µs for each argument."""
    found = cgutils.create_struct_proxy(kind)(context.context, context.builder)
    address = context.pyapi.object_getattr_string(pointer, "address")
    with context.builder.if_then(cgutils.is_null(context.builder, address), likely=False):
        context.builder.ret(context.pyapi.get_null_object())
    found.c_addr = context.pyapi.long_as_voidptr(address)
    context.pyapi.decref(address)
    return NativeValue(found._getvalue())


def with_one_version(dispatcher: Any) -> Any:
    """The same dispatcher, which compiles nothing a second time because an argument is a constant."""
    fold = dispatcher._compiler.fold_argument_types

    def fold_and_forget(args: Any, kws: Any) -> Any:
        python_signature, folded = fold(args, kws)
        return python_signature, tuple(types.unliteral(kind) for kind in folded)

    dispatcher._compiler.fold_argument_types = fold_and_forget
    return dispatcher
