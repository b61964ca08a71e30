"""Many launches on a GPU as one: a graph, as CUDA calls it. The simulator has one of its own."""

from backprop.kernels.device import DeviceArray


class Graph:
    """Launches with the arguments that they had when they were written down, run by one call of the driver.

    pool   of the arrays that were made for it, which serve one launch after another
    kept   the memory of all others that its launches were given
    """

    def __init__(self, machine):
        self.machine, self.pool, self.kept, self._made = machine, None, set(), set()

    def fresh(self, shape, dtype):
        array = self.machine.fresh(shape, dtype)
        self._made.add(id(array.memory))
        return array

    def keep(self, args):
        """Hold what a launch was given. Not what the pool holds, which hands out what nobody else refers to: held here,
        it would not serve the next launch.
        """
        self.kept |= {a.memory for a in args if isinstance(a, DeviceArray) and id(a.memory) not in self._made}

    def finish(self, graph):
        self._graph = graph
        graph.upload(self.machine._stream)

    def launch(self):
        self._graph.launch(self.machine._stream)
