"""The life of an invoice: drafted, finalised once, voided or credited; what is learned later is on the next one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.errors import (
    ChangedMeanwhileError,
    GapsError,
    InvalidPeriodError,
    InvalidValueError,
    LedgerBusyError,
    LedgerMismatchError,
    NotBillableError,
    OverlappingPeriodError,
    UnknownCustomerError,
    UnknownInvoiceError,
    WrongStateError,
)
from billing.invoices.document import decode, digest
from billing.invoices.drafting import Wanted, draft
from billing.invoices.finalising import finalise, finalise_draft
from billing.invoices.kept import State
from billing.invoices.undoing import credit, void
from billing.periods import parse_month, parse_period
from billing.store.tables import InvoiceRow
from ledger.filesystem import LocalFilesystem
from receiver.sealer.jobs.job import JobKind, JobProgress, JobState
from receiver.sealer.jobs.queue import JobQueue
from tests.billing.shop import NOW, Shop, amounts, used


def test_draft_follows_the_ledger_and_says_as_of_when(shop: Shop) -> None:
    """What is learned is in the draft at the next look, with the commit that it is of."""
    shop.take(used("acme", "2026-10-05"))
    before = shop.draft()
    shop.take(used("acme", "2026-10-06"))
    after = shop.draft()
    assert (before.document.totals.net, after.document.totals.net) == (Decimal("2.50"), Decimal("5.00"))
    assert after.document.as_of.commit == before.document.as_of.commit + 1
    assert before.etag != after.etag


def test_others_calls_do_not_move_a_drafts_tag(shop: Shop) -> None:
    """A commit that changes nothing of the draft leaves its ETag."""
    shop.take(used("acme", "2026-10-05"))
    before = shop.draft()
    shop.take(used("globex", "2026-10-06"))
    assert shop.draft().etag == before.etag


def test_finalising_fixes_number_content_and_digest(shop: Shop) -> None:
    """A finalised invoice has a number, its bytes and their digest, and names plan, commit and prices."""
    shop.take(used("acme", "2026-10-05"))
    done = shop.bill()
    assert (done.state, done.number) == (State.FINALISED, "INV-000001")
    assert done.content is not None
    assert done.digest == digest(done.content.encode())
    document = decode(done.content)
    assert (document.number, document.issued, document.totals.payable) == ("INV-000001", NOW, Decimal("2.50"))
    (segment,) = document.terms.segments
    assert (segment.plan, segment.version) == ("at-cost", 0)
    assert document.lines[0].price_versions
    assert document.as_of.digest


def test_finalised_invoice_never_changes(shop: Shop) -> None:
    """Later calls, plans, customers and voids of others leave its bytes alone."""
    shop.take(used("acme", "2026-10-05"))
    done = shop.bill()
    shop.customer("acme", name="Another Name")
    shop.plan({"id": "x", "kind": "pass_through", "markup": "9"})
    shop.take(used("acme", "2026-10-05"), used("acme", "2026-11-05"))
    shop.bill(period="2026-11")
    credit(shop.database, done.id, reason="half", amounts={1: Decimal("1.25")})
    assert (shop.get(done.id).content, shop.get(done.id).digest) == (done.content, done.digest)


def test_finalising_again_gives_the_same_invoice(shop: Shop) -> None:
    """Once it is finalised, asking again changes nothing."""
    shop.take(used("acme", "2026-10-05"))
    done = shop.bill()
    shop.take(used("acme", "2026-10-06"))
    assert finalise(shop.parts, done.id, now=NOW) == done


def test_many_finalisers_at_once_make_one_invoice(shop: Shop) -> None:
    """Of several drafts of one period finalised at once, one wins and the others get the same invoice."""
    shop.take(used("acme", "2026-10-05"))
    drafts = [shop.keep() for _ in range(3)] * 2
    with ThreadPoolExecutor(len(drafts)) as pool:
        done = list(pool.map(lambda one: finalise(shop.parts, one, now=NOW), drafts))
    assert {one.number for one in done} == {"INV-000001"}
    assert len({one.id for one in done}) == 1


def test_numbers_have_no_gap_and_rise_with_time(shop: Shop) -> None:
    """Refused and failing attempts use no number; a clock set back does not date a number before the last."""
    shop.take(*(used(name, "2026-10-05") for name in ("a", "b", "c")), used("d", "2026-10-05", model="no-such-model"))
    first = shop.bill("a")
    with pytest.raises(GapsError):
        shop.bill("d")
    second = shop.bill("b", now=NOW - timedelta(days=30))
    third = shop.bill("c", now=NOW + timedelta(days=1))
    assert [one.number for one in (first, second, third)] == ["INV-000001", "INV-000002", "INV-000003"]
    assert [one.finalised_time for one in (first, second, third)] == [NOW, NOW, NOW + timedelta(days=1)]


def test_each_series_counts_for_itself(shop: Shop) -> None:
    """A customer's series has its own numbers."""
    shop.take(used("a", "2026-10-05"), used("b", "2026-10-05"))
    shop.customer("a", series="EU")
    assert [shop.bill(one).number for one in ("a", "b")] == ["EU-000001", "INV-000001"]


def test_what_arrives_late_is_on_the_next_invoice_once(shop: Shop) -> None:
    """A late call of an invoiced month is a correction line that names period, reason and original; never twice."""
    shop.take(used("acme", "2026-10-05"))
    october = shop.bill()
    shop.take(used("acme", "2026-10-06"), used("acme", "2026-11-05"))
    november = shop.bill(period="2026-11").document
    usage, late = november.lines
    assert (usage.kind, usage.amount, late.kind, late.amount) == (
        "usage", Decimal("2.50"), "correction", Decimal("2.50"))  # fmt: skip
    assert late.correction is not None
    assert (late.correction.invoice_id, late.correction.number) == (october.id, "INV-000001")
    assert late.correction.reasons == ("calls that arrived later",)
    assert late.correction.period.start == datetime(2026, 10, 1, tzinfo=UTC)
    shop.take(used("acme", "2026-12-05"))
    assert amounts(shop.bill(period="2026-12").document) == [Decimal("2.50")]


def test_corrections_wait_for_months_and_add_up(shop: Shop) -> None:
    """What is learned of October in November and in January is each time only the difference."""
    shop.take(used("acme", "2026-10-05"))
    shop.bill()
    shop.take(used("acme", "2026-10-06"))
    shop.take(used("acme", "2026-11-06"))
    shop.bill(period="2026-11")
    shop.take(used("acme", "2026-10-07", tokens=(2_000_000, 0)))
    january = shop.bill(period="2027-01").document
    assert amounts(january) == [Decimal("5.00")]
    assert january.lines[0].correction is not None


def test_correction_is_under_the_original_plan_version(shop: Shop) -> None:
    """With tiers, the correction is the whole month anew less what was invoiced, by the plan of then."""
    tiers = [{"up_to": 1_000_000, "price": "10"}, {"price": "1"}]
    charge = {"id": "in", "kind": "graduated", "unit": "input_tokens", "per": 1_000_000, "tiers": tiers}
    shop.plan(charge)
    shop.take(used("acme", "2026-10-05", tokens=(800_000, 0)))
    assert amounts(shop.bill().document) == [Decimal("8.00")]
    shop.plan({"id": "in", "kind": "per_unit", "unit": "input_tokens", "price": "100", "per": 1_000_000})
    shop.take(used("acme", "2026-10-06", tokens=(1_200_000, 0)))
    # The month comes to 10 + 1: 11 less 8. Entry by entry it would be 12 or 1.20.
    (late,) = shop.bill(period="2026-11").document.lines
    assert late.amount == Decimal("3.00")


def test_what_is_taken_back_is_a_negative_correction(shop: Shop) -> None:
    """An id that turns out to be another customer's moves its cost from one next invoice to the other."""
    shop.take(used("acme", "2026-10-05"), used("acme-eu", "2026-10-05", tokens=(2_000_000, 0)))
    shop.customer("acme", aliases=[{"id": "acme-eu"}])
    shop.customer("globex")
    assert shop.bill().document.totals.net == Decimal("7.50")
    shop.take(used("globex", "2026-10-06"))
    shop.bill("globex")
    shop.change("acme", {})
    shop.change("globex", {"aliases": [{"id": "acme-eu"}]})
    (back,) = shop.bill("acme", "2026-11").document.lines
    (over,) = shop.bill("globex", "2026-11").document.lines
    assert (back.amount, over.amount) == (Decimal("-5.00"), Decimal("5.00"))
    assert back.correction is not None
    assert back.correction.reasons == ("other ids mean this customer",)


def test_draft_that_moved_is_not_finalised_with_an_older_tag(shop: Shop) -> None:
    """Who looked at a draft finalises what they looked at, or is told."""
    shop.take(used("acme", "2026-10-05"))
    looked_at = shop.keep()
    tag = draft(shop.parts, Wanted(looked_at, "acme", parse_month("2026-10")), now=NOW).etag
    shop.take(used("acme", "2026-10-06"))
    with pytest.raises(ChangedMeanwhileError):
        finalise(shop.parts, looked_at, etag=tag, now=NOW)


def test_customer_changed_between_draft_and_number_is_drafted_anew(shop: Shop) -> None:
    """What a draft relied on is looked at again while the series is held."""
    shop.take(used("acme", "2026-10-05"))
    shop.customer("acme")
    kept = shop.get(shop.keep())
    stale = shop.draft()
    shop.change("acme", {"tax_rate": "0.19"})
    assert finalise_draft(shop.parts, stale, kept, now=NOW) is None
    assert finalise(shop.parts, kept.id, now=NOW).document.totals.tax == Decimal("0.48")


def test_gaps_stop_finalising_unless_accepted_and_are_named(shop: Shop) -> None:
    """Unpriced and unattributed spend refuses, and is on the invoice when somebody says to go on."""
    shop.take(used("acme", "2026-10-05"), used("acme", "2026-10-05", model="no-such-model"), used(None, "2026-10-05"))
    with pytest.raises(GapsError, match=r"no-such-model.*unpriced.*no customer"):
        shop.bill()
    document = shop.bill(accept_gaps=True).document
    assert document.accepted_gaps
    assert [(gap.why, gap.model, gap.calls) for gap in document.gaps] == [("unpriced", "no-such-model", 1)]
    assert (document.unattributed.calls, document.unattributed.of_calls) == (1, 3)


def test_job_that_touches_the_period_stops_finalising(shop: Shop) -> None:
    """While a job may change October, October waits; a job of another month does not matter."""
    shop.take(used("acme", "2026-10-05"))
    queue = JobQueue(shop.pipeline.data.jobs, LocalFilesystem())
    october = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 10**6
    queue.ask(JobKind.REPRICE, end_us=october)
    job = queue.ask(JobKind.REPRICE, start_us=october)
    with pytest.raises(LedgerBusyError, match=job.id):
        shop.bill()
    queue.save(job, JobProgress(state=JobState.DONE))
    assert shop.bill().number == "INV-000001"


def test_ledger_that_is_not_the_one_billed_from_stops_finalising(shop: Shop) -> None:
    """A ledger restored from a backup and filled otherwise is told, not billed from."""
    shop.take(used("acme", "2026-10-05"))
    done = shop.bill()
    with shop.database.writing() as session:
        row = session.get(InvoiceRow, done.id)
        assert row is not None
        content = json.loads(str(row.document))
        content["as_of"]["digest"] = "0" * 32
        row.document = json.dumps(content)
    shop.take(used("acme", "2026-11-05"))
    with pytest.raises(LedgerMismatchError, match="Restore the ledger and the invoices"):
        shop.bill(period="2026-11")


def test_periods_that_overlap_an_invoice_are_refused(shop: Shop) -> None:
    """No moment is invoiced twice."""
    shop.take(used("acme", "2026-10-05"))
    shop.bill()
    with pytest.raises(OverlappingPeriodError, match="INV-000001"):
        shop.draft(period=parse_period("2026-10-15", "2026-11-15"))


@pytest.mark.parametrize(
    ("period", "match"),
    [
        (parse_period("2026-10", None), "both ends"),
        (parse_period("2027-07", "2027-08"), "still to come"),
        (parse_period("1900-01", "1900-02"), "none that can"),
        (parse_period("2010-01", "2026-01"), "five years"),
    ],
)
def test_periods_that_nobody_can_bill_are_refused(shop: Shop, period: object, match: str) -> None:
    """Open, future, ancient and endless periods are refused in words."""
    shop.take(used("acme", "2026-10-05"))
    with pytest.raises(InvalidPeriodError, match=match):
        shop.draft(period=period)  # type: ignore[arg-type]


def test_period_that_is_not_over_is_drafted_and_not_finalised(shop: Shop) -> None:
    """The current month can be looked at."""
    shop.take(used("acme", "2026-10-05"))
    middle = datetime(2026, 10, 15, tzinfo=UTC)
    assert shop.draft(now=middle).document.totals.net == Decimal("2.50")
    with pytest.raises(InvalidPeriodError, match="when it is over"):
        shop.bill(now=middle)


def test_nothing_to_bill_is_no_invoice(shop: Shop) -> None:
    """A draft without lines can be looked at; finalising it is refused."""
    shop.take(used("acme", "2026-10-05"))
    assert shop.draft(period="2026-09").document.lines == ()
    with pytest.raises(NotBillableError, match="nothing to bill"):
        shop.bill(period="2026-09")


def test_usage_that_rounds_to_nothing_is_a_zero_invoice(shop: Shop) -> None:
    """Calls worth less than half a cent make an invoice of 0.00: the period is billed."""
    shop.take(used("acme", "2026-10-05", tokens=(10, 0)))
    document = shop.bill().document
    assert (document.totals.payable, document.lines[0].exact) == (Decimal("0.00"), Decimal("0.000025000000"))


def test_unknown_customer_is_told_similar_ones(shop: Shop) -> None:
    """A misspelt customer is an error, not an invoice of nothing."""
    shop.take(used("acme", "2026-10-05"))
    with pytest.raises(UnknownCustomerError, match="acme"):
        shop.draft("acmee")
    with pytest.raises(UnknownInvoiceError, match="inv_0"):
        shop.get("inv_0")


def test_void_opens_the_period_and_keeps_the_number(shop: Shop) -> None:
    """After a void the same month is billed anew, under the next number; the void is told and is done once."""
    shop.take(used("acme", "2026-10-05"))
    first = shop.bill()
    voided = void(shop.database, first.id, reason="wrong address")
    assert (voided.state, voided.number, voided.void_reason) == (State.VOIDED, "INV-000001", "wrong address")
    assert void(shop.database, first.id, reason="again").void_reason == "wrong address"
    with pytest.raises(WrongStateError, match="voided"):
        finalise(shop.parts, first.id, now=NOW)
    again = shop.bill()
    assert (again.number, amounts(again.document)) == ("INV-000002", [Decimal("2.50")])


def test_invoice_that_a_later_one_corrects_is_not_voided(shop: Shop) -> None:
    """Its corrections would hang in the air; voided from the last backwards, everything is open again."""
    shop.take(used("acme", "2026-10-05"))
    october = shop.bill()
    shop.take(used("acme", "2026-10-06"))
    november = shop.bill(period="2026-11")
    with pytest.raises(WrongStateError, match="INV-000002"):
        void(shop.database, october.id, reason="x")
    void(shop.database, november.id, reason="x")
    assert amounts(shop.draft(period="2026-12").document) == [Decimal("2.50")]  # the correction is open again
    void(shop.database, october.id, reason="x")
    assert amounts(shop.draft().document) == [Decimal("5.00")]


def test_credit_note_gives_back_and_is_no_correction(shop: Shop) -> None:
    """A credit note is a document of its own that refers to the original; what it gave back is not billed again."""
    shop.take(used("acme", "2026-10-05"))
    shop.customer("acme", tax_rate="0.19", tax_reason="VAT")
    done = shop.bill()
    note = credit(shop.database, done.id, reason="outage", amounts={1: Decimal("1.00")}).document
    assert (note.kind, note.number) == ("credit_note", "CN-000001")
    assert (note.totals.net, note.totals.tax) == (Decimal("-1.00"), Decimal("-0.19"))
    assert note.original is not None
    assert (note.original.number, note.original.reason) == ("INV-000001", "outage")
    assert shop.get(done.id).state is State.FINALISED
    assert shop.draft(period="2026-11").document.lines == ()
    rest = credit(shop.database, done.id, reason="all of it").document
    assert rest.totals.net == Decimal("-1.50")
    assert shop.get(done.id).state is State.CREDITED
    with pytest.raises(WrongStateError, match="credited"):
        credit(shop.database, done.id, reason="more")
    with pytest.raises(WrongStateError):
        void(shop.database, done.id, reason="x")


@pytest.mark.parametrize("amount", ["2.51", "-0.01", "0", "0.005"])
def test_no_more_is_credited_than_was_asked(shop: Shop, amount: str) -> None:
    """Too much, the wrong sign, nothing, and parts of a cent are refused; nothing is kept."""
    shop.take(used("acme", "2026-10-05"))
    done = shop.bill()
    with pytest.raises(InvalidValueError, match=r"lines\.1"):
        credit(shop.database, done.id, reason="x", amounts={1: Decimal(amount)})
    with pytest.raises(InvalidValueError, match="no line"):
        credit(shop.database, done.id, reason="x", amounts={7: Decimal(1)})
    assert credit(shop.database, done.id, reason="x").number == "CN-000001"


def test_seller_and_customer_are_stored_with_the_invoice(shop: Shop) -> None:
    """Names with right-to-left text, emoji and markup come back as they are."""
    name = "شركة <b>Acme</b> & Söhne 🚀"
    shop.take(used("acme", "2026-10-05"))
    shop.customer("acme", name=name, address={"lines": ["1 Main St"], "city": "Köln", "country": "DE"})
    document = decode(str(shop.get(shop.bill().id).content))
    assert (document.customer.name, document.customer.address.city) == (name, "Köln")
