"""Importing: what a Collector's file exporter wrote, through the same split, strip and journal as what it sends.

    records     a file → its records, past damage: JSON lines, length-prefixed messages, compressed or not
    otlp_json   one JSON record → the request it stands for, without the spans that cannot be read
    progress    how far each file has come, so that an import that was interrupted goes on
    sealing     room in the journal, and the end of it: by the sealer that runs, or by ourselves when none does
    importing   the order of the steps
    errors      what stops an import

Frames go to the journal under an incarnation of their own, and from there on are like any others: counted once by
(trace id, span id), whatever else brought the same spans. Importing a file again, or in part, changes no amount.
"""
