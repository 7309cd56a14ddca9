"""The receiver: OTLP in, acknowledged only when it is durable; journal to ledger behind it.

Owns: the wire schema (`wire`), the split of a request into what may cost money and the rest (`split`), stripping of
message content (`strip`), the journal (`journal`, `journal_reader`), the gRPC server (`server`) and its one mapping of
errors to status codes (`status`), the sampled trace path (`trace_path/`), what each instrumentation means (`dialects/`)
and the sealer that writes the ledger (`sealer/`).

Does not own: prices, SQL, invoices, the web. It is the only package that imports grpc.

Invariants:
* Acknowledged means: in the journal, and fdatasync has returned.
* A fault of ours is never answered with a code that makes a Collector drop data.
* The cost path never waits for the trace path.
"""
