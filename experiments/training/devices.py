"""Data parallelism: the devices of a run, and the placement of arrays on them.

The batch is divided into equal shares along its first axis, one per device; all else is replicated.
The compiled step is the same program on any number of devices: it sees the whole batch, and XLA
inserts the sums over devices that it needs.
"""

from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from experiments.system.errors import RunError

AXIS = "data"


@dataclass(frozen=True, eq=False)
class Placement:
    """Placement of arrays: a batch sharded along the mesh's one axis, all else replicated.

    Without a mesh everything stays on JAX's default device.
    """

    mesh: Mesh | None = None

    @property
    def counts(self):
        """Numbers of devices and processes, by name."""
        if self.mesh is None:
            return {"devices": 1, "processes": 1}
        return {"devices": self.mesh.size, "processes": jax.process_count()}

    def rows(self, batch_size):
        """Return the slice of a batch's rows that this process's devices work on."""
        if self.mesh is None:
            return slice(0, batch_size)
        shares = self._sharding(AXIS).addressable_devices_indices_map((batch_size,)).values()
        # One device's share is slice(None), which `indices` turns into numbers.
        bounds = [share.indices(batch_size)[:2] for (share,) in shares]
        return slice(min(start for start, _ in bounds), max(stop for _, stop in bounds))

    def sharded(self, batch, batch_size):
        """Place this process's rows of a batch, a tree of arrays, on its devices."""
        if self.mesh is None:
            return batch
        return jax.tree.map(
            lambda rows: self._put(rows, (batch_size, *rows.shape[1:]), AXIS), batch
        )

    def replicated(self, tree):
        """Replicate a tree of arrays, the same in every process, on each device."""
        if self.mesh is None:
            return tree
        return jax.tree.map(self._replicate, tree)

    def compiled(self, step):
        """Compile a training step for the mesh, with replicated results."""
        if self.mesh is None:
            return step
        return jax.jit(step, donate_argnums=0, out_shardings=self._sharding())

    def local(self, tree):
        """Return this process's copy of replicated arrays, on its first device."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)

    def _sharding(self, *axes):
        return NamedSharding(self.mesh, PartitionSpec(*axes))

    def _replicate(self, leaf):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(self._replicate(jax.random.key_data(leaf)))
        return self._put(np.asarray(leaf), leaf.shape)

    def _put(self, array, shape, *axes):
        return jax.make_array_from_process_local_data(self._sharding(*axes), array, shape)


def place(devices, batch_size):
    """Choose a number of JAX's devices; None is the default one, "all" includes other processes'.

    Raises a RunError if there are fewer, or if they do not divide the batch.
    """
    if devices is None:
        return Placement()
    # By process, so that each one's shares of a batch lie side by side in it.
    there = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    count = len(there) if devices == "all" else devices
    if not 1 <= count <= len(there):
        raise RunError(f"--devices {devices}: must be in 1..{len(there)}, the devices there are")
    if batch_size % count:
        raise RunError(f"--batch {batch_size}: must be a multiple of the {count} devices")
    if count == 1:
        return Placement()
    return Placement(Mesh(np.array(there[:count]), (AXIS,), axis_types=(AxisType.Auto,)))
