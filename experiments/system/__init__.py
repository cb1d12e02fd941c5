"""Services of the machine: hardware, compiler, allocator, cache, folders, locks and storage.

Nothing here may import JAX: the compiler's flags are set first.
"""
