"""The trace path: all spans of a request, sampled consistently by trace, forwarded to a trace backend. It may drop.

Owns: the sampling decision (`sampling`, `tracestate`; pure), a request made of the spans it keeps (`rewrite`; pure),
the bounded queue on the receiver's side (`forwarder`) and the child process behind it (`child`, `worker`, `export`),
with the frames and reports between them (`frames`, `report`).

Does not own: the acknowledgement, the journal, anything that costs money.

Invariants:
* `TraceForwarder.offer` neither waits nor raises; what it cannot take, it drops and counts.
* All spans of a trace get the same decision, in every request, process and run with the same ratio.
* A kept span is forwarded unchanged but for `th` in its tracestate, and that never claims more than is known.
"""
