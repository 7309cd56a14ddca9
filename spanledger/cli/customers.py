"""`customers`: who is billed: list, show, add, change, adopt, archive; and their prepaid credits."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from billing.customers import book
from billing.customers.customer import Customer
from billing.customers.grants import add_grant, grants
from billing.customers.reading import customer_content, read_customer
from billing.customers.seen import unregistered
from billing.errors import UnknownCustomerError, did_you_mean
from billing.invoices.drafting import Parts
from ledger.errors import WrongUseError
from spanledger.billing_parts import billing_parts
from spanledger.cli.options import DataDir, Format
from spanledger.printing.rows import OutputFormat, print_rows

customers = typer.Typer(no_args_is_help=True, help="Customers: register, change, adopt what the ledger knows, archive.")
CustomerId = Annotated[str, typer.Argument(help="The customer's id.")]
Details = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="A TOML file: name, address, tax_rate, language … (docs/billing.md)."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=TEXT", help="One field, such as language=de. Repeatable."),
]
_LISTED: Final = ("id", "name", "plan", "currency", "time_zone", "aliases", "archived")
_SEEN: Final = ("id", "calls", "cost", "first_call", "last_call")
_CREDITS: Final = ("id", "amount", "left", "currency", "valid_from", "expires", "reason")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (list_, seen, show, add, change, adopt, archive, credit, credits_):
        customers.command(command.__name__.rstrip("_"))(command)
    app.add_typer(customers, name="customers", rich_help_panel="Billing")


def list_(
    archived: Annotated[bool, typer.Option("--archived", help="Those that are archived.")] = False,  # noqa: FBT002
    data_dir: DataDir = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """List registered customers.

    Example: spanledger customers list --format csv
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            found = book.customers(session, archived=archived)
        print_rows([_row(one) for one in found], columns=_LISTED, output_format=output_format)


def seen(data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List the ids that calls name as customers and that are not registered; they are billed by the default plan.

    Example: spanledger customers seen
    """
    with billing_parts(data_dir) as parts:
        print_rows(unregistered(parts.warehouse, parts.database), columns=_SEEN, output_format=output_format)


def show(customer_id: CustomerId, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """Show all that is known of a customer.

    Example: spanledger customers show acme --format json
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            found = book.get(session, customer_id)
        _print(found, output_format)


def add(customer_id: CustomerId, file: Details = None, set_: Set = None, data_dir: DataDir = None) -> None:
    """Register a customer. All problems of its fields are told at once.

    Example: spanledger customers add acme --set name="Acme Ltd" --set tax_rate=0.19 --set time_zone=Europe/Berlin
    """
    with billing_parts(data_dir) as parts:
        _add(parts, customer_id, file, set_)
    typer.echo(f"customer {customer_id} is registered")


def change(customer_id: CustomerId, file: Details = None, set_: Set = None, data_dir: DataDir = None) -> None:
    """Change fields of a customer; those not named stay. What is finalised keeps what it says.

    Example: spanledger customers change acme --set plan=standard
    """
    with billing_parts(data_dir) as parts, parts.database.writing() as session:
        changed = book.change_fields(session, book.get(session, customer_id), _fields(file, set_))
    typer.echo(f"customer {customer_id} is changed (revision {changed.revision})")


def adopt(customer_id: CustomerId, file: Details = None, set_: Set = None, data_dir: DataDir = None) -> None:
    """Register a customer that calls name already, under the id that they name.

    Example: spanledger customers adopt globex --set name="Globex Corp"
    """
    with billing_parts(data_dir) as parts:
        known = parts.warehouse.customers()
        if customer_id not in known:
            raise UnknownCustomerError(
                f"the ledger has no call of customer {customer_id!r}.", hint=did_you_mean(customer_id, known)
            )
        _add(parts, customer_id, file, set_)
    typer.echo(f"customer {customer_id} is registered")


def archive(customer_id: CustomerId, data_dir: DataDir = None) -> None:
    """Archive a customer: not listed any more, billed only what calls still come to. Nothing is deleted.

    Example: spanledger customers archive acme
    """
    with billing_parts(data_dir) as parts, parts.database.writing() as session:
        book.archive(session, customer_id)
    typer.echo(f"customer {customer_id} is archived")


def credit(
    customer_id: CustomerId,
    amount: Annotated[str, typer.Argument(help="How much was paid in advance.")],
    currency: Annotated[str, typer.Argument(help="Of which currency.")],
    from_: Annotated[str | None, typer.Option("--from", help="From when on it may be used; now without.")] = None,
    expires: Annotated[str | None, typer.Option(help="The moment after which nothing of it is left.")] = None,
    reason: Annotated[str, typer.Option(help="What the invoice says about it.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Keep a prepaid credit; invoices use the oldest first.

    Example: spanledger customers credit acme 500.00 USD --expires 2027-01-01 --reason "Starter pack"
    """
    content = {"amount": amount, "currency": currency, "from": from_, "expires": expires, "reason": reason}
    with billing_parts(data_dir) as parts, parts.database.writing() as session:
        kept = add_grant(session, customer_id, {name: said for name, said in content.items() if said})
    typer.echo(f"credit {kept.id}: {kept.amount} {kept.currency} for {customer_id}")


def credits_(customer_id: CustomerId, data_dir: DataDir = None, output_format: Format = OutputFormat.TABLE) -> None:
    """List a customer's prepaid credits, oldest first, and what is left of each.

    Example: spanledger customers credits acme
    """
    with billing_parts(data_dir) as parts:
        with parts.database.reading() as session:
            book.get(session, customer_id)
            found = grants(session, customer_id)
        rows = [{name: getattr(one, name) for name in _CREDITS} for one in found]
        print_rows(rows, columns=_CREDITS, output_format=output_format)


def _add(parts: Parts, customer_id: str, file: Path | None, set_: list[str] | None) -> None:
    content = {"name": customer_id, **_fields(file, set_), "id": customer_id}
    with parts.database.writing() as session:
        book.add(session, read_customer(content))


def _fields(file: Path | None, set_: list[str] | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if file is not None:
        try:
            fields = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        except (OSError, ValueError) as unreadable:
            raise WrongUseError(f"{file} cannot be read: {unreadable}.", hint="It is a TOML file.") from unreadable
    for one in set_ or ():
        name, equals, text = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set {one}: expected FIELD=TEXT, such as language=de")
        if name == "plan":
            fields["plans"] = [{"plan": text}]
        else:
            fields[name.strip()] = text
    return fields


def _row(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "name": customer.name,
        "plan": ", ".join(one.plan for one in customer.plans) or "(default)",
        "currency": customer.currency or "(the plan's)",
        "time_zone": customer.time_zone,
        "aliases": ", ".join(one.id for one in customer.aliases),
        "archived": customer.archived_time,
    }


def _print(customer: Customer, output_format: OutputFormat) -> None:
    content = customer_content(customer)
    if output_format == OutputFormat.TABLE:
        rows = [{"field": name, "value": _shown(value)} for name, value in content.items() if value]
        print_rows(rows, columns=("field", "value"), output_format=output_format)
    else:
        print_rows([content], columns=tuple(content), output_format=output_format)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(_shown(one) for one in value.values() if one)
    return ", ".join(_shown(one) for one in value) if isinstance(value, list | tuple) else str(value)
