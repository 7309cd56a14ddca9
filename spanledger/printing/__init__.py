"""Printing: what commands and the demo show. Rows, the audit line, an invoice; nothing here asks or decides."""
