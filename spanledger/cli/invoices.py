"""`invoice`: draft, show, list, finalise, pdf, void, credit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import typer

from billing.invoices import kept as books
from billing.invoices.calls import calls_of
from billing.invoices.document import Document
from billing.invoices.drafting import Parts, Wanted, customer_of
from billing.invoices.drafting import draft as make_draft
from billing.invoices.finalising import finalise as make_final
from billing.invoices.kept import Kept
from billing.invoices.undoing import credit as make_credit
from billing.invoices.undoing import void as make_void
from billing.periods import Period, parse_month, parse_period
from billing.rendering.kept import pdf_of
from ledger.errors import SpanledgerError
from spanledger.billing_parts import billing_parts
from spanledger.cli.options import DataDir, Format, From, To
from spanledger.printing.invoice import print_document
from spanledger.printing.rows import OutputFormat, print_rows

invoice = typer.Typer(no_args_is_help=True, help="Draft, finalise, print, void and credit invoices.")
InvoiceId = Annotated[str, typer.Argument(help="The invoice's id or number.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with it.")]
_LISTED: Final = ("id", "number", "kind", "state", "customer", "period_from", "period_to", "payable", "currency")
_CALLS: Final = (
    "trace_id", "span_id", "entry_type", "start_time", "model", "cost", "price_version", "billed", "arithmetic",
)  # fmt: skip


class OutputError(SpanledgerError):
    """The file asked for cannot be written."""


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (draft, show, list_, finalise, pdf, void, credit, calls):
        invoice.command(command.__name__.rstrip("_"))(command)
    app.add_typer(invoice, name="invoice", rich_help_panel="Billing")


def draft(
    customer: Annotated[str, typer.Option(help="Whose calls.")],
    period: Annotated[str | None, typer.Option(help="A month such as 2026-10, in the customer's time zone.")] = None,
    from_: From = None,
    to: To = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Draft an invoice: what a customer owes for a period, as the ledger knows it now.

    Example: spanledger invoice draft --customer acme --period 2026-10
    """
    with billing_parts(data_dir) as parts:
        wanted_period = _period(parts, customer, period, from_, to)
        wanted = Wanted(books.new_id(), customer, wanted_period)
        made = make_draft(parts, wanted)
        with parts.database.writing() as session:
            books.new_draft(session, customer, wanted_period, invoice_id=wanted.invoice_id)
        print_document(made.document, state="draft", output_format=output_format)


def show(invoice_id: InvoiceId, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """Show an invoice; a draft says what the ledger knows now.

    Example: spanledger invoice show INV-000001 --format json
    """
    with billing_parts(data_dir) as parts:
        found = _get(parts, invoice_id)
        print_document(_document(parts, found), state=found.state, output_format=output_format)


def list_(
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    state: Annotated[str | None, typer.Option(help="draft, finalised, voided or credited.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 100,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """List invoices and credit notes, newest first.

    Example: spanledger invoice list --customer acme --state finalised
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            found = books.listed(session, customer=customer, state=state, limit=limit)
        print_rows([_row(one) for one in found], columns=_LISTED, output_format=output_format)


def finalise(
    invoice_id: InvoiceId,
    accept_gaps: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option("--accept-gaps", help="Go on although spend is unpriced or has no customer; the invoice says so."),
    ] = False,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Finalise a draft: number, content and as-of commit are fixed for ever.

    Example: spanledger invoice finalise inv_0123456789abcdef
    """
    with billing_parts(data_dir) as parts:
        result = make_final(parts, _get(parts, invoice_id).id, accept_gaps=accept_gaps)
        print_document(result.document, state=result.state, output_format=output_format)


def pdf(
    invoice_id: InvoiceId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; by default the number, .pdf, in this folder.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write an invoice as PDF/A-3b. Once it is finalised, always the same bytes.

    Example: spanledger invoice pdf INV-000001 -o acme-october.pdf
    """
    with billing_parts(data_dir) as parts:
        found = _get(parts, invoice_id)
        target = output or Path(f"{found.number or found.id}.pdf")
        content = pdf_of(parts, found, _document(parts, found))
    try:
        target.write_bytes(content)
    except OSError as unwritable:
        raise OutputError(
            f"{target} cannot be written: {unwritable.strerror}.", hint="Name another file with --output."
        ) from unwritable
    typer.echo(f"{target}: {len(content):,} bytes, {found.state.value}")


def void(invoice_id: InvoiceId, reason: Reason, data_dir: DataDir = None) -> None:
    """Void an invoice: its number stays used, its period is open again.

    Example: spanledger invoice void INV-000001 --reason "sent to the wrong company"
    """
    with billing_parts(data_dir) as parts:
        result = make_void(parts.database, invoice_id, reason=reason)
        typer.echo(f"invoice {result.number} is voided; draft its period anew when it is to be billed")


def credit(
    invoice_id: InvoiceId,
    reason: Reason,
    line: Annotated[
        list[str] | None, typer.Option(help="NUMBER=AMOUNT, again for each line; without it all that is left.")
    ] = None,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Make a credit note over an invoice, or over some of its lines.

    Example: spanledger invoice credit INV-000001 --reason "outage on 12 October" --line 1=12.50
    """
    amounts = dict(_credited(one) for one in line) if line else None
    with billing_parts(data_dir) as parts:
        result = make_credit(parts.database, invoice_id, reason=reason, amounts=amounts)
        print_document(result.document, state=result.state, output_format=output_format)


def calls(
    invoice_id: InvoiceId,
    number: Annotated[int, typer.Argument(help="The line's number.")],
    limit: Annotated[int, typer.Option(min=1, help="How many at most, by call time.")] = 100,
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """List the ledger's entries behind a line, each with its trace and arithmetic.

    Example: spanledger invoice calls INV-000001 1 --format csv
    """
    with billing_parts(data_dir) as parts:
        document = _document(parts, _get(parts, invoice_id))
        found = calls_of(parts.warehouse, parts.database, document, number, limit=limit)
        rows = [{**one.row, "billed": one.billed, "arithmetic": one.arithmetic} for one in found]
        print_rows(rows, columns=_CALLS, output_format=output_format)


def _period(parts: Parts, customer: str, month: str | None, start: str | None, end: str | None) -> Period:
    if (month is None) == (start is None and end is None):
        raise typer.BadParameter("give either --period 2026-10, or --from and --to")
    if month is None:
        return parse_period(start, end)
    with parts.database.reading() as session:
        return parse_month(month, customer_of(session, customer).zone)


def _get(parts: Parts, invoice_id: str) -> Kept:
    with parts.database.reading() as session:
        return books.get(session, invoice_id)


def _document(parts: Parts, found: Kept) -> Document:
    if found.content is not None:
        return found.document
    return make_draft(parts, Wanted(found.id, found.customer, found.period, found.notes)).document


def _row(one: Kept) -> dict[str, object]:
    document = one.document if one.content is not None else None
    return {
        "id": one.id,
        "number": one.number,
        "kind": one.kind,
        "state": one.state.value,
        "customer": one.customer,
        "period_from": one.period.start,
        "period_to": one.period.end,
        "payable": None if document is None else document.totals.payable,
        "currency": None if document is None else document.currency,
    }


def _credited(text: str) -> tuple[int, Decimal]:
    number, sign, amount = text.partition("=")
    try:
        return int(number), Decimal(amount if sign else "?")
    except (ValueError, InvalidOperation):
        raise typer.BadParameter(f"{text!r} is no NUMBER=AMOUNT, such as 1=12.50") from None
