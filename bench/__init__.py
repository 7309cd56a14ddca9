"""Benchmarks: every figure is a ratio against something run beside it, in the same run, on the same machine.

    receive    durable acknowledgements against a server that throws the bytes away, and against rotel into a black hole
    seal       wire to queryable Parquet, per core
    latency    acknowledgement p50 and p99 at half load, and the receiver's memory

Load stays on loopback and ends by itself. `python -m bench --short` takes a few seconds each.
"""
