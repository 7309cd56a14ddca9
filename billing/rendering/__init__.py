"""Rendering: what a finalised invoice looks like. A document in, bytes out; no store, no ledger, no clock.

words     the words of an invoice, by language, and the customer's forms of amounts and dates
page      a document as the texts that stand on the page, in order
pdf       those texts laid out by typst (invoice.typ)
table     the lines as CSV
"""
