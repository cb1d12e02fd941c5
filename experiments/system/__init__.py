"""What the machine offers: hardware, compiler, allocator, cache, folders and locks.

Nothing here may import JAX: its flags are set first.
"""
