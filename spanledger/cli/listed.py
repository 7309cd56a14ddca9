"""What `spanledger --help` lists: of each command its module, panel and first sentence, without importing it.

A test compares this with what the commands say themselves.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Listed(NamedTuple):
    """One line of the list."""

    module: str
    summary: str


PANELS: Final = {
    "Programs": {
        "up": Listed("up", "Run receiver, sealer and billing on this machine until Ctrl-C or SIGTERM."),
        "demo": Listed(
            "demo", "Send recorded real calls through the whole thing, and show costs, audit and an invoice."
        ),
        "receive": Listed("receive", "Receive OTLP and acknowledge what is durable. One part of `up`."),
        "seal": Listed("seal", "Write what was received to the ledger, about once a second. One part of `up`."),
        "serve": Listed("serve", "Serve costs and invoices over REST. One part of `up`."),
        "settings": Listed("settings", "Show every setting, its value here and the reason for its default."),
    },
    "Questions": {
        "costs": Listed("queries", "Show what calls cost, grouped; dearest first."),
        "sql": Listed("queries", "Ask the ledger in SQL; read-only, sandboxed and bounded like POST /v1/sql."),
        "audit": Listed(
            "queries", "Show where every span received ended, and whether it adds up; exit code 1 if it does not."
        ),
        "unattributed": Listed(
            "queries", "Show the calls that nobody is known to pay for, and their share of all calls and of all cost."
        ),
        "unpriced": Listed(
            "queries",
            "Show the calls whose cost is not known, by model and reason, with what it can be at least and at most.",
        ),
        "explain": Listed(
            "explain",
            "Explain a trace: for each span which dialect read it and how, what it counted as and why, price "
            "and corrections.",
        ),
    },
    "Prices": {
        "prices": Listed("prices", "Show, check, add and update prices."),
    },
    "Learning later": {
        "reprice": Listed(
            "learning",
            "Move calls of a period to the prices of now, by correction entries; calls without a price get "
            "one that has come.",
        ),
        "reread": Listed(
            "learning",
            "Read the spans of a period again by the dialects of this version, from the evidence that the "
            "ledger keeps.",
        ),
        "reattribute": Listed(
            "learning",
            "Apply the attribution rules and settings of now to the calls of a period, by correction entries.",
        ),
        "jobs": Listed("learning", "List the jobs asked of the ledger's writer, and how far each is."),
        "import": Listed(
            "import_files",
            "Import what a Collector's file exporter wrote: JSON lines or protobuf, as it is or compressed "
            "(zstd, gzip).",
        ),
    },
    "Operating": {
        "verify": Listed(
            "verify",
            "Check journal, manifest, segments, counts, views.sql and index by their digests; name what is "
            "damaged, and where.",
        ),
        "compact": Listed(
            "compact",
            "Merge the ledger's files into as few as can be, and drop evidence that is past its time; no answer "
            "changes.",
        ),
        "backup": Listed(
            "backup",
            "Copy ledger, prices and invoices as of now, while everything runs. Into the same folder again: "
            "only what is new.",
        ),
        "restore": Listed(
            "backup",
            "Put a backup into a data directory that has no ledger. A journal that is there stays, and is sealed.",
        ),
        "check-collector": Listed(
            "check_collector",
            "Name every setting of a Collector by which cost data can be lost, with the corrected YAML.",
        ),
    },
    "Billing": {
        "customers": Listed("customers", "Customers: register, change, adopt what the ledger knows, archive."),
        "plan": Listed("plans", "Plans: check one, try it on a month, add it; exchange rates."),
        "bill": Listed(
            "bill",
            "Bill a month: an invoice for every customer with calls or corrections. Run again, it goes on where it "
            "stopped.",
        ),
        "reconcile": Listed(
            "reconcile",
            "Show that all that was invoiced and all that is open is what the ledger has; exit code 1 where it is not.",
        ),
        "invoice": Listed("invoices", "Draft, finalise, print, void and credit invoices."),
    },
}

COMMANDS: Final = {name: listed for panel in PANELS.values() for name, listed in panel.items()}
