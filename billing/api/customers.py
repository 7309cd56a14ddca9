"""/v1/customers: who is billed, who was only seen, and their prepaid credits."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response, status

from billing.api.customer_forms import CustomerOut, Customers, GrantOut, Grants, SeenCustomer, customer_out, grant_out
from billing.api.once import Key, Once, json_response
from billing.api.state import Shared
from billing.customers import book, seen
from billing.customers.grants import add_grant, grants
from billing.customers.reading import read_customer
from billing.errors import ChangedMeanwhileError, ExistsAlreadyError, UnknownCustomerError

router = APIRouter(prefix="/v1/customers", tags=["customers"])
CustomerBody = Annotated[
    dict[str, Any],
    Body(
        description="id and name; and legal_name, address {lines, postcode, city, country}, email, tax_id, tax_rate, "
        "tax_reason, currency, language, time_zone, series, reference, plans [{plan, from}], aliases [{id, from, to}].",
        examples=[{"id": "acme", "name": "Acme Ltd", "time_zone": "Europe/Berlin", "tax_rate": "0.19"}],
    ),
]


@router.post("", status_code=status.HTTP_201_CREATED, response_model=CustomerOut)
def create(state: Shared, body: CustomerBody, idempotency_key: Key = None) -> Response:
    """Register a customer. All problems of the fields are reported at once."""
    once = Once(state.database, idempotency_key, {"customer": body})
    return once.do(lambda session: customer_out(book.add(session, read_customer(body))))


@router.get("")
def index(
    state: Shared,
    archived: Annotated[bool, Query(description="Those that are archived, in place of those that are not.")] = False,  # noqa: FBT002 - a query parameter
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=256, description="`next` of the page before.")] = None,
) -> Customers:
    """List registered customers, by id."""
    with state.database.reading() as session:
        found = book.customers(session, after=cursor, limit=limit + 1, archived=archived)
    page = found[:limit]
    return Customers(customers=[customer_out(one) for one in page], next=page[-1].id if len(found) > limit else None)


@router.get("/unregistered")
def unregistered(state: Shared) -> list[SeenCustomer]:
    """List the ids that calls name as customers and that are not registered; they are billed by the default plan."""
    return [SeenCustomer(**row) for row in seen.unregistered(state.warehouse, state.database)]


@router.get("/{customer_id}", response_model=CustomerOut)
def show(state: Shared, customer_id: str) -> Response:
    """Show a registered customer; its ETag is the revision."""
    with state.database.reading() as session:
        found = book.get(session, customer_id)
    answer = json_response(customer_out(found).model_dump_json(by_alias=True), HTTPStatus.OK)
    answer.headers["ETag"] = f'"{found.revision}"'
    return answer


@router.patch("/{customer_id}")
def change(
    state: Shared,
    customer_id: str,
    body: CustomerBody,
    if_match: Annotated[str | None, Header(alias="If-Match", description="The ETag that was looked at.")] = None,
) -> CustomerOut:
    """Change fields of a customer; those not named stay. Lists are replaced whole."""
    with state.database.writing() as session:
        known = book.get(session, customer_id)
        wanted = None if if_match is None else if_match.strip().strip('"')
        if wanted is not None and wanted not in {"*", str(known.revision)}:
            raise ChangedMeanwhileError(
                f"customer {customer_id!r} is of revision {known.revision} now.", hint="Read it again first."
            )
        return customer_out(book.change_fields(session, known, body))


@router.post("/{customer_id}/archive", response_model=CustomerOut)
def archive(state: Shared, customer_id: str, idempotency_key: Key = None) -> Response:
    """Archive a customer: not listed any more, billed only what calls and corrections still come to. Never deleted."""
    once = Once(state.database, idempotency_key, {"archive": customer_id})
    return once.do(lambda session: customer_out(book.archive(session, customer_id)), status=HTTPStatus.OK)


@router.post("/{customer_id}/adopt", status_code=status.HTTP_201_CREATED, response_model=CustomerOut)
def adopt(state: Shared, customer_id: str, body: CustomerBody, idempotency_key: Key = None) -> Response:
    """Register a customer that calls name already, under the id that they name."""
    if customer_id not in state.warehouse.customers():
        raise UnknownCustomerError(
            f"the ledger has no call of customer {customer_id!r}.", hint="Register it: POST /v1/customers."
        )
    if body.get("id", customer_id) != customer_id:
        raise ExistsAlreadyError(f"the id is {customer_id!r}.", hint="Leave `id` out of the body.")
    once = Once(state.database, idempotency_key, {"adopt": customer_id, "body": body})
    return once.do(
        lambda session: customer_out(book.add(session, read_customer({"name": customer_id, **body, "id": customer_id})))
    )


@router.post("/{customer_id}/credits", status_code=status.HTTP_201_CREATED, response_model=GrantOut)
def add_credit(
    state: Shared,
    customer_id: str,
    body: Annotated[
        dict[str, Any],
        Body(
            description="amount, currency; and from, expires, reason.",
            examples=[{"amount": "500.00", "currency": "USD", "expires": "2027-01-01"}],
        ),
    ],
    idempotency_key: Key = None,
) -> Response:
    """Keep a prepaid credit; invoices use the oldest first."""
    once = Once(state.database, idempotency_key, {"credits": customer_id, "body": body})
    return once.do(lambda session: grant_out(add_grant(session, customer_id, body)))


@router.get("/{customer_id}/credits")
def credits_(state: Shared, customer_id: str) -> Grants:
    """List a customer's prepaid credits, oldest first, and what is left of each."""
    with state.database.reading() as session:
        book.get(session, customer_id)
        return Grants(credits=[grant_out(one) for one in grants(session, customer_id)])
