"""REST: what each route answers, and that every error is a problem document."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from billing.api import create_app
from billing.config import BillingConfig
from ledger.layout import DataDirectory
from ledger.lock import ProcessLock
from ledger.status import Status, write_status
from tests.otlp import call
from tests.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger with two customers, a call without a price and one without a customer."""
    with Pipeline(tmp_path) as made:
        made.take(
            call(attributes={"customer.id": "acme", "team": "search"}),
            call(tokens=(40_000, 1_000), attributes={"customer.id": "acme"}),
            call(model="no-such-model", attributes={"customer.id": "globex <b>"}),
            call(),
        )
        yield made


@pytest.fixture
def client(pipeline: Pipeline) -> Iterator[TestClient]:
    """The application over that ledger."""
    with TestClient(create_app(BillingConfig(pipeline.data)), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[TestClient]:
    """The application over a directory in which nothing has been sealed."""
    with TestClient(create_app(BillingConfig(DataDirectory(tmp_path))), raise_server_exceptions=False) as made:
        yield made


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer, checked for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:spanledger:problem:{kind}"
    assert body["status"] == status
    assert body["detail"]
    return body


def test_costs_are_decimal_strings_by_the_dimensions_asked_for(client: TestClient) -> None:
    """Money has all its digits; unknown customers and costs are null."""
    rows = client.get("/v1/costs", params={"by": "customer"}).json()["rows"]
    costs = {row["group"]["customer"]: row["cost"] for row in rows}
    assert costs == {"acme": "0.110350000000", None: "0.000350000000", "globex <b>": None}
    assert sum(row["unpriced_calls"] for row in rows) == 1


def test_pages_of_costs_meet(client: TestClient) -> None:
    """Following `next` gives every row once."""
    whole = client.get("/v1/costs").json()["rows"]
    pages: list[Any] = []
    cursor = None
    while True:
        page = client.get("/v1/costs", params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        pages += page["rows"]
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == whole


@pytest.mark.parametrize(
    ("params", "status", "kind"),
    [
        ({"by": "custmer"}, 422, "unknown-dimension"),
        ({"from": "0001-01-01T00:00:00+14:00"}, 422, "invalid-period"),
        ({"from": "2026-13"}, 422, "invalid-period"),
        ({"from": "2026-11", "to": "2026-10"}, 422, "invalid-period"),
        ({"limit": "0"}, 422, "invalid-request"),
        ({"limit": "many"}, 422, "invalid-request"),
        ({"cursor": "x"}, 400, "bad-request"),
    ],
)
def test_costs_asked_wrongly_are_told_why(client: TestClient, params: dict[str, str], status: int, kind: str) -> None:
    """Each wrong parameter has its own problem."""
    problem(client.get("/v1/costs", params=params), status, kind)


def test_audit_adds_up(client: TestClient) -> None:
    """The audit is the ledger's, and says that it agrees with the files."""
    audit = client.get("/v1/audit").json()
    assert (audit["received"], audit["usage"], audit["adds_up"], audit["ledger_agrees"]) == (4, 4, True, True)


def test_sql_answers_and_refuses(client: TestClient) -> None:
    """A question is answered; anything else is a problem with the reason."""
    answer = client.post("/v1/sql", json={"query": "SELECT count(*) AS n FROM calls"}).json()
    assert (answer["columns"], answer["rows"], answer["truncated"]) == (["n"], [[4]], False)
    problem(client.post("/v1/sql", json={"query": "DROP VIEW calls"}), 403, "sql-refused")
    problem(client.post("/v1/sql", json={"query": "SELECT nope FROM calls"}), 400, "sql-failed")
    problem(client.post("/v1/sql", json={"sql": "SELECT 1"}), 422, "invalid-request")
    problem(client.post("/v1/sql", content=b"{not json"), 422, "invalid-request")


def test_invoice_is_made_once_per_key_and_found_again(client: TestClient) -> None:
    """POST drafts, the same key gives the same, GET shows it, the list has it."""
    body = {"customer": "acme", "period": "2026-10"}
    made = client.post("/v1/invoices", json=body, headers={"Idempotency-Key": "one"})
    assert made.status_code == 201
    again = client.post("/v1/invoices", json=body, headers={"Idempotency-Key": "one"})
    assert again.json() == made.json()
    invoice = made.json()
    assert invoice["state"] == "draft"
    assert (invoice["totals"]["net"], invoice["currency"]) == ("0.11", "USD")
    document = invoice["document"]
    assert sum(Decimal(line["amount"]) for line in document["lines"]) == Decimal(document["totals"]["net"])
    assert document["unattributed"] == {"calls": 1, "of_calls": 4, "cost": "0.000350000000"}
    assert client.get(f"/v1/invoices/{invoice['id']}").json() == invoice
    assert [one["id"] for one in client.get("/v1/invoices").json()["invoices"]] == [invoice["id"]]
    other = client.post("/v1/invoices", json={**body, "period": "2026-09"}, headers={"Idempotency-Key": "one"})
    problem(other, 422, "idempotency-conflict")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"customer": "acmee", "period": "2026-10"}, 404, "unknown-customer"),
        ({"customer": "acme", "period": "2026-13"}, 422, "invalid-period"),
        ({"customer": "acme", "period": "2999-01"}, 422, "invalid-period"),
        ({"customer": "acme", "period": {"from": "2026-11", "to": "2026-10"}}, 422, "invalid-period"),
        ({"customer": "acme"}, 422, "invalid-request"),
        ({"customer": "", "period": "2026-10"}, 422, "invalid-request"),
        ({"customer": "acme", "period": "2026-10", "finalise": True}, 422, "invalid-request"),
    ],
)
def test_invoice_asked_wrongly_is_not_made(client: TestClient, body: dict[str, Any], status: int, kind: str) -> None:
    """Nothing is kept of a request that cannot be meant."""
    problem(client.post("/v1/invoices", json=body), status, kind)
    assert client.get("/v1/invoices").json()["invoices"] == []


def test_invoice_lives_over_rest(client: TestClient) -> None:
    """Drafted, changed with its tag, refused for its gaps, finalised, followed to its calls, credited, not voided."""
    made = client.post("/v1/invoices", json={"customer": "acme", "period": "2026-10"}).json()
    path = f"/v1/invoices/{made['id']}"
    tag = client.get(path).headers["etag"]
    assert client.patch(path, json={"notes": "Order 4711"}, headers={"If-Match": tag}).status_code == 200
    problem(client.patch(path, json={"notes": "x"}, headers={"If-Match": tag}), 412, "changed-meanwhile")
    problem(client.post(f"{path}/finalise", json={}), 409, "gaps")
    key = {"Idempotency-Key": "finalise"}
    done = client.post(f"{path}/finalise", json={"accept_gaps": True}, headers=key)
    assert (done.status_code, done.json()["number"]) == (200, "INV-000001")
    assert client.post(f"{path}/finalise", json={"accept_gaps": True}, headers=key).text == done.text
    problem(client.post(f"{path}/finalise", json={}, headers=key), 422, "idempotency-conflict")
    assert client.get("/v1/invoices/INV-000001").json()["document"] == done.json()["document"]
    (call_,) = client.get(f"{path}/lines/1/calls", params={"limit": 1}).json()["calls"]
    assert call_["trace_id"]
    assert call_["price_version"]
    assert call_["billed"] == call_["cost"]
    problem(client.get(f"{path}/lines/9/calls"), 404, "unknown-line")
    note = client.post(f"{path}/credit-notes", json={"reason": "outage", "lines": [{"line": 1, "amount": "0.01"}]})
    assert note.json()["totals"]["net"] == "-0.01"
    problem(client.post(f"{path}/void", json={"reason": "x"}), 409, "wrong-state")
    problem(client.delete(path), 409, "wrong-state")
    assert [one["kind"] for one in client.get("/v1/invoices").json()["invoices"]] == ["credit_note", "invoice"]


def test_customers_and_plans_over_rest(client: TestClient) -> None:
    """Seen, adopted, changed with its tag, given a plan and prepaid credit, archived; every wrong field is named."""
    assert [one["id"] for one in client.get("/v1/customers/unregistered").json()] == ["acme", "globex <b>"]
    plan = {
        "id": "standard", "name": "Standard", "currency": "USD", "from": "2026-01-01",
        "charges": [{"id": "models", "kind": "pass_through", "markup": "1"}],
    }  # fmt: skip
    key = {"Idempotency-Key": "plan"}
    assert client.post("/v1/plans", json=plan, headers=key).json()["version"] == 1
    assert client.post("/v1/plans", json=plan, headers=key).json()["version"] == 1
    problem(client.post("/v1/plans", json={**plan, "currency": "EUR"}, headers=key), 422, "idempotency-conflict")
    wrong = client.post("/v1/plans", json={"id": "?", "name": "", "charges": [{"id": "a", "kind": "b"}]})
    errors = problem(wrong, 422, "invalid-value")["errors"]
    assert {"id", "name", "currency", "from", "charges[0].kind"} <= {one["field"] for one in errors}
    assert all(one["remedy"] for one in errors)
    adopted = client.post("/v1/customers/acme/adopt", json={"name": "Acme", "plans": [{"plan": "standard"}]})
    assert (adopted.status_code, adopted.json()["revision"]) == (201, 1)
    problem(client.post("/v1/customers/acme/adopt", json={}), 409, "exists-already")
    stale = client.get("/v1/customers/acme").headers["etag"]
    assert (
        client.patch("/v1/customers/acme", json={"tax_rate": "0.19"}, headers={"If-Match": stale}).json()["revision"]
        == 2
    )
    problem(client.patch("/v1/customers/acme", json={}, headers={"If-Match": stale}), 412, "changed-meanwhile")
    client.post("/v1/customers/acme/credits", json={"amount": "0.10", "currency": "USD", "from": "2026-01-01"})
    drafted = client.post("/v1/invoices", json={"customer": "acme", "period": "2026-10"}).json()
    assert drafted["totals"] == {"net": "0.22", "tax": "0.04", "gross": "0.26", "prepaid": "0.10", "payable": "0.16"}
    assert client.post("/v1/customers/acme/archive").json()["archived_time"]
    assert client.get("/v1/customers").json()["customers"] == []
    assert [one["id"] for one in client.get("/v1/customers", params={"archived": True}).json()["customers"]] == ["acme"]
    problem(client.get("/v1/customers/nobody"), 404, "unknown-customer")
    problem(client.get("/v1/plans/nothing"), 404, "unknown-plan")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/nothing", 404), ("DELETE", "/v1/costs", 405)])
def test_unknown_routes_are_problems(client: TestClient, method: str, path: str, status: int) -> None:
    """Not found and not allowed are problem documents too."""
    problem(client.request(method, path), status, "http")


def test_unknown_invoice_is_a_problem(client: TestClient) -> None:
    """An id that names nothing is 404."""
    problem(client.get("/v1/invoices/inv_0"), 404, "unknown-invoice")


def test_before_the_first_commit_it_lives_but_is_not_ready(empty_client: TestClient) -> None:
    """Healthy, not ready, and told what to do; the page says so too."""
    assert empty_client.get("/healthz").json() == {"status": "ok"}
    assert "spanledger up" in problem(empty_client.get("/readyz"), 503, "no-ledger-yet")["hint"]
    problem(empty_client.get("/v1/costs"), 503, "no-ledger-yet")
    problem(empty_client.get("/v1/audit"), 503, "no-ledger-yet")
    problem(empty_client.post("/v1/sql", json={"query": "SELECT 1"}), 503, "no-ledger-yet")
    assert "Nothing is sealed yet" in empty_client.get("/").text


def test_receiver_or_sealer_that_does_not_work_makes_it_unready_with_the_reason(
    client: TestClient, pipeline: Pipeline
) -> None:
    """What a living part says counts; a dead one is not ready; one that was stopped, or never ran, is well."""
    data = pipeline.data
    assert client.get("/readyz").status_code == 200
    write_status(data.receiver_status, Status(figures={"disk_free_bytes": 7}))
    assert "receiver: it died" in problem(client.get("/readyz"), 503, "not-ready")["detail"]
    with ProcessLock(data.receiver_lock, what="data directory"):
        assert client.get("/readyz").status_code == 200
        assert "spanledger_receiver_disk_free_bytes 7.0" in client.get("/metrics").text
        write_status(data.receiver_status, Status(ready=False, reason="the disk is nearly full"))
        assert problem(client.get("/readyz"), 503, "not-ready")["detail"] == "receiver: the disk is nearly full"
        assert "spanledger_receiver_ready 0.0" in client.get("/metrics").text
    write_status(data.receiver_status, Status(ready=False, reason="stopped", stopped=True))
    assert client.get("/readyz").status_code == 200
    write_status(data.sealer_status, Status(ready=False, reason="sealing failed: no space"))
    assert "sealer: sealing failed" in problem(client.get("/readyz"), 503, "not-ready")["detail"]


def test_page_escapes_what_came_from_outside(client: TestClient) -> None:
    """A customer's name is text, never markup."""
    page = client.get("/").text
    assert "globex &lt;b&gt;" in page
    assert "<b>" not in page


def test_metrics_and_openapi_are_there(client: TestClient) -> None:
    """Prometheus finds the counts, and the API describes itself."""
    assert 'spanledger_spans{span_class="usage"} 4.0' in client.get("/metrics").text
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/costs", "/v1/sql", "/v1/audit", "/v1/invoices", "/v1/invoices/{invoice_id}"} <= paths.keys()
    page = client.get("/docs").text
    assert all(f"<code>{path}</code>" in page for path in paths)
    assert "http" not in page.replace("http://testserver", "").replace("HTTP", "")


def test_openapi_says_how_errors_look(client: TestClient) -> None:
    """Every route announces problem documents, and no other form of error."""
    routes = client.get("/openapi.json").json()["paths"]
    for route in [route for methods in routes.values() for route in methods.values()]:
        errors = {status: answer for status, answer in route["responses"].items() if not status.startswith("2")}
        assert errors.keys() == {"4XX", "5XX"}
        assert all(answer["content"].keys() == {"application/problem+json"} for answer in errors.values())
        assert route["description"]


def test_pages_are_of_one_commit(client: TestClient, pipeline: Pipeline) -> None:
    """What is sealed while someone pages through neither moves rows nor shows on later pages."""
    whole = client.get("/v1/costs", params={"by": "customer,model"}).json()["rows"]
    first = client.get("/v1/costs", params={"by": "customer,model", "limit": 1}).json()
    pipeline.take(*(call(tokens=(10**6, 1), attributes={"customer.id": f"new-{n}"}) for n in range(3)))
    rest = client.get("/v1/costs", params={"by": "customer,model", "cursor": first["next"]}).json()
    assert first["rows"] + rest["rows"] == whole


def test_body_too_large_is_a_problem(client: TestClient) -> None:
    """A megabyte is no question; nothing of it is parsed, whether or not its length is announced."""
    problem(client.post("/v1/sql", content=b"x" * (2**20 + 1)), 413, "body-too-large")
    problem(client.post("/v1/sql", content=iter([b"x" * 2**19] * 3)), 413, "body-too-large")


def test_page_names_the_total_of_all_rows(client: TestClient, pipeline: Pipeline) -> None:
    """The sum above the table is the ledger's, however many rows the table shows."""
    pipeline.take(*(call(tokens=(40_000, 0), attributes={"customer.id": f"c{n}"}) for n in range(220)))
    page = client.get("/").text
    assert "224 calls" in page
    (total,) = client.get("/v1/costs", params={"by": ""}).json()["rows"][:1]
    assert f"{Decimal(total['cost']):,.6f} USD" in page


def test_real_server_answers_on_loopback(pipeline: Pipeline) -> None:
    """Started as `spanledger serve` starts it, it answers, and stops when told."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    program = (
        "import pathlib, sys\n"
        "from billing.api import serve\n"
        "from billing.config import BillingConfig\n"
        "from ledger.layout import DataDirectory\n"
        "serve(BillingConfig(DataDirectory(pathlib.Path(sys.argv[1])), http_listen=sys.argv[2]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(pipeline.data.root), listen]) as server:
        try:
            wait_until_open(listen)
            with urllib.request.urlopen(f"http://{listen}/readyz", timeout=20) as ready:
                assert json.load(ready)["status"] == "ready"
            body = json.dumps({"query": "SELECT count(*) FROM calls"}).encode()
            question = urllib.request.Request(f"http://{listen}/v1/sql", body, {"content-type": "application/json"})
            with urllib.request.urlopen(question, timeout=20) as answered:
                assert json.load(answered)["rows"] == [[4]]
        finally:
            server.terminate()
        assert server.wait(20) in {0, -signal.SIGTERM}


def wait_until_open(listen: str) -> None:
    """Return once something accepts connections at this address."""
    host, _, port = listen.partition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens at {listen} after 20 s"
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/customers", {"GET", "POST"}),
        ("DELETE", "/v1/customers/acme", {"GET", "PATCH"}),
        ("POST", "/v1/costs", {"GET"}),
        ("PUT", "/v1/invoices/inv_1", {"GET", "PATCH", "DELETE"}),
        ("PATCH", "/v1/plans/check", {"POST"}),
    ],
)
def test_a_405_names_every_method_of_the_path(client: TestClient, method: str, path: str, allowed: set[str]) -> None:
    """All routes of a path say what it takes, not the first alone."""
    answer = client.request(method, path)
    problem(answer, 405, "http")
    assert set(answer.headers["allow"].split(", ")) == allowed
