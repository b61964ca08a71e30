"""Many launches on a GPU as one: a graph, as CUDA calls it. The simulator has one of its own."""

from backprop.kernels.device import DeviceArray


class Graph:
    """Launches, recorded with their arguments, that one call of the driver runs.

    pool   of the arrays that were made for it, which its launches reuse
    kept   the memory of all other arguments of its launches
    """

    def __init__(self, machine):
        self.machine, self.pool, self.kept, self._made = machine, None, set(), set()

    def fresh(self, shape, dtype):
        array = self.machine.fresh(shape, dtype)
        self._made.add(id(array.memory))
        return array

    def keep(self, args):
        """Hold the memory of a launch's arguments, but not the pool's: it hands out only what nothing else refers to,
        so memory that is held here could not be reused by the next launch.
        """
        self.kept |= {a.memory for a in args if isinstance(a, DeviceArray) and id(a.memory) not in self._made}

    def finish(self, graph):
        self._graph = graph
        graph.upload(self.machine._stream)

    def launch(self):
        self._graph.launch(self.machine._stream)
