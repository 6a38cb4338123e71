"""Out of memory, told from other failures; and what is freed before something smaller is tried."""

from __future__ import annotations

import gc

import torch

from monitorbench.errors import UsageError

_OUT_OF_MEMORY = (
    "out of memory",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "Cannot allocate memory",
    "_STATUS_ALLOC_FAILED",
    # The first call of the library takes memory of its own, and says no more than this where there is none.
    "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate",
)


class DoesNotFitError(UsageError):
    """A batch that needs more memory than there is."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it was raised from, is a want of memory, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, RuntimeError | OSError) and any(saying in str(error) for saying in _OUT_OF_MEMORY):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def is_lost_device(error: BaseException) -> bool:
    """Whether a GPU failed in a way after which the process can do nothing more with it."""
    return isinstance(error, torch.AcceleratorError) or (isinstance(error, RuntimeError) and "CUDA error" in str(error))


def free() -> None:
    """Give back what nothing refers to, cycles included; call it when what failed is gone, its traceback above all."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
