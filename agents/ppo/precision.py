"""What numbers hidden layers compute with: float32, or bfloat16 on a processor that has instructions for it.

bfloat16 has float32's range and 8 bits of its 24. Weights, their gradients, scores, probabilities, values and losses
stay float32 either way.
"""

import sys

import torch

SLOW = "training: this processor has no bfloat16 instructions, which makes it many times slower; leave out --precision"


def has_bfloat16() -> bool:
    """Whether the processor multiplies matrices of bfloat16 (AVX512_BF16; those with AMX have it too)."""
    return bool(torch.cpu._is_avx512_bf16_supported())


def resolved(name: str) -> str:
    """`name`, or for "auto" the faster of the two here. Says so on stderr where what was asked for is slow."""
    if name == "auto":
        return "bfloat16" if has_bfloat16() else "float32"
    if name == "bfloat16" and not has_bfloat16():
        print(SLOW, file=sys.stderr)
    return name
