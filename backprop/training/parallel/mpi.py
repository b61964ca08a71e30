"""Whether this process was started by mpiexec, and MPI's world if so. mpi4py is imported only then. Its cores."""

import os

from backprop.errors import RankError

SIZES = "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MPI_LOCALNRANKS", "PMIX_SIZE"  # set by MPICH, Open MPI, and others


def world():
    """The communicator of all ranks, or None for a process alone.

    Raises RankError if mpiexec started several, but mpi4py is not installed or belongs to another MPI.
    """
    started = max((int(os.environ[name]) for name in SIZES if os.environ.get(name, "").isdigit()), default=0)
    if "PMIX_RANK" in os.environ:
        started = max(started, 1)
    if not started:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise RankError(
            f"mpiexec started {started} processes, but mpi4py cannot be used here ({error}): pip install -e '.[mpi]'"
        ) from None
    comm = MPI.COMM_WORLD.Dup()
    if comm.Get_size() < started:
        library = MPI.Get_library_version().splitlines()[0].strip("\0 ")
        raise RankError(
            f"mpiexec started {started} processes, which do not know each other: it belongs to another MPI than "
            f"mpi4py's ({library}); use the mpiexec beside this Python"
        )
    return comm


def cores():
    """The numbers of the cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
