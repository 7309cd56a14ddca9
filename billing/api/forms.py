"""What the API says and takes, as pydantic models: the OpenAPI document is made of these.

Money is a decimal string, so that no client's float loses a digit. Times are RFC 3339 UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Money = Annotated[
    Decimal,
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    Field(examples=["12.345678901234"]),
]
Share = Annotated[
    Decimal,
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    Field(examples=["-0.0312"]),
]
Moment = Annotated[
    datetime,
    PlainSerializer(lambda value: value.isoformat().replace("+00:00", "Z"), return_type=str),
]


class Strict(BaseModel):
    """A body in which an unknown name is an error."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="A stable name.", examples=["urn:spanledger:problem:no-ledger-yet"])
    title: str
    status: int
    detail: str = Field(description="What was wrong with this request.")
    hint: str | None = Field(default=None, description="What to do.")
    errors: list[dict[str, str]] = Field(
        default=[], description="Where several values may be wrong, each: field, value, what, remedy."
    )


class CostRow(BaseModel):
    """Calls, tokens and cost of one group. Totals include their details: input contains cache reads and writes."""

    group: dict[str, str | None] = Field(description="Dimension → value; null where calls have none.")
    calls: int
    unpriced_calls: int = Field(description="Calls among them whose cost is not known, and so not in `cost`.")
    input_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    cost: Money | None = Field(description="Null when no call of the group has a known cost.")
    currency: str | None


class Costs(BaseModel):
    """One page of costs, dearest first."""

    rows: list[CostRow]
    commit: int = Field(description="The ledger's state that was asked; the pages that follow are of the same.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class ReportedRow(BaseModel):
    """Own and reported cost of one group, over the calls that have both."""

    group: dict[str, str | None] = Field(description="Dimension → value; null where calls have none.")
    calls: int = Field(description="Calls that have a cost of their own, in USD, and a reported one.")
    calls_apart: int = Field(description="Calls among them whose two costs differ by more than a hundredth of ours.")
    cost: Money | None = Field(description="Ours, computed; list cost where a seat, capacity or a trusted claim pays.")
    reported_cost: Money | None = Field(description="What their spans claim, for the same calls.")
    difference: Money | None = Field(description="Reported less ours.")
    share: Share | None = Field(description="The difference as a part of ours; null where ours is 0 or none.")
    calls_without_cost: int = Field(description="Calls with a reported cost and none of their own: not compared.")
    reported_without_cost: Money | None = Field(description="What these claim.")


class ReportedCall(BaseModel):
    """One call whose two costs differ."""

    trace_id: str
    span_id: str
    start_time: Moment
    reported_source: str | None = Field(description="The attribute that claims it.")
    provider: str | None
    model: str | None
    cost: Money
    reported_cost: Money
    difference: Money
    share: Share | None


class ReportedCosts(BaseModel):
    """One page of groups, the largest differences first, and the calls whose costs are furthest apart."""

    rows: list[ReportedRow]
    worst: list[ReportedCall] = Field(description="As the ledger knows them now.")
    commit: int = Field(description="The ledger's state that was asked; the pages that follow are of the same.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class SqlQuery(Strict):
    """A question in SQL."""

    query: str = Field(max_length=100_000, examples=["SELECT customer_id, sum(cost) FROM entries GROUP BY ALL"])


class SqlAnswer(BaseModel):
    """Rows as arrays in the order of `columns`."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    truncated: bool = Field(description="Whether there were more rows than an answer may have.")
    commit: int = Field(description="The ledger's state that was asked.")


class Audit(BaseModel):
    """Where every span received ended. They add up, at every commit."""

    commit: int
    received: int
    not_genai: int
    usage: int
    duplicate: int
    nested: int
    aggregate: int
    quarantined: int
    calls_in_ledger: int = Field(description="Calls counted in the Parquet files themselves.")
    adds_up: bool = Field(description="received = the sum of the six classes.")
    ledger_agrees: bool = Field(description="usage = calls_in_ledger.")
    unexplained: int = Field(description="Aggregates among them below which no call is known: possible unbilled spend.")
    unexplained_input_tokens: int = Field(description="What these aggregates tell of; in no cost.")
    unexplained_output_tokens: int


class UnexplainedAggregate(BaseModel):
    """An agent's or workflow's span that tells of spend, while no call below it is known."""

    trace_id: str | None
    span_id: str | None
    start_time: Moment | None
    service: str | None
    operation: str | None
    agent: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    reported_cost: Money | None
    customer: str | None


class UnexplainedAggregates(BaseModel):
    """Possible unbilled spend, newest first."""

    rows: list[UnexplainedAggregate]
    commit: int = Field(description="The ledger's state that was asked.")
    truncated: bool = Field(description="Whether there are more than `limit`.")


class UnattributedCalls(BaseModel):
    """Calls of one service and model that nobody is known to pay for."""

    service: str | None
    provider: str | None
    model: str | None
    why: str = Field(description="none_named, or conflicting where several customers were named.")
    calls: int
    share_of_calls: Share | None = Field(description="Of all calls of the period.")
    cost: Money | None
    share_of_cost: Share | None = Field(description="Of all cost of the period in that currency.")
    currency: str | None
    first_call: Moment | None
    last_call: Moment | None


class UnattributedList(BaseModel):
    """What nobody is known to pay for, most calls first."""

    rows: list[UnattributedCalls]
    commit: int = Field(description="The ledger's state that was asked.")
