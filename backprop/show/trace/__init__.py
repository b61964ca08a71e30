"""The evaluation trace of a formula: as a table, and as a drawn graph."""

from backprop.show.trace.tracing import Trace, trace
