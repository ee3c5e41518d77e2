"""Tuples of arrays by reference, for Numba: a call then passes one pointer where it would pass a hundred words.

Numba passes a tuple of arrays as all words of all its arrays. With a scenario and a world these are two hundred, in
each of two thousand calls: half of the compilation and half of the run time. A reference is a pointer to the tuple,
which lies in the frame of the entry that made it; `reference.live` reads that array's words when they are needed. It
is valid as long as that frame, so only entries make references, and none is returned or kept.
"""

from typing import Any

from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic, register_model, typeof_impl


class Reference(types.Type):
    """A pointer to a named tuple of arrays."""

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__(f"Reference({value.instance_class.__name__})")

    @property
    def key(self) -> Any:
        """What tells references apart; the name, which every kernel's name repeats, is short."""
        return self.value


@register_model(Reference)
class ReferenceModel(models.PrimitiveModel):
    """One word."""

    def __init__(self, manager: Any, kind: Reference) -> None:
        super().__init__(manager, kind, manager.lookup(kind.value).get_value_type().as_pointer())


@infer_getattr
class ReferenceFields(AttributeTemplate):
    """The fields of the tuple are those of the reference."""

    key = Reference

    def generic_resolve(self, kind: Reference, name: str) -> Any:
        """The type of one of them, or None."""
        fields = kind.value.fields
        return kind.value.types[fields.index(name)] if name in fields else None


@lower_getattr_generic(Reference)
def load_field(context: Any, builder: Any, kind: Reference, pointer: Any, name: str) -> Any:
    """Load one array's words through the pointer."""
    return builder.load(cgutils.gep_inbounds(builder, pointer, 0, kind.value.fields.index(name)))


@intrinsic
def by_reference(typing: Any, value: Any) -> Any:
    """A reference to a named tuple, for what the calling function calls; the caller itself keeps the arrays alive."""

    def store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = arguments[0]
        for index in range(len(value)):  # without its owner an array is not counted when it is read
            owner = builder.extract_value(words, [index, 0])
            words = builder.insert_value(words, owner.type(None), [index, 0])
        place = cgutils.alloca_once(builder, words.type)
        builder.store(words, place)
        return place

    return Reference(value)(value), store


class Example:
    """Stands for a reference where a signature is made from examples."""

    def __init__(self, value: Any) -> None:
        self.value = value


@typeof_impl.register(Example)
def type_of_example(example: Example, context: Any) -> Any:
    """The type of the reference that it stands for."""
    return Reference(typeof_impl(example.value, context))
