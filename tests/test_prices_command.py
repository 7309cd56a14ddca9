"""`spanledger prices`: what a person at a terminal gets, each command as a process of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from receiver.price_changes import PriceUpdateError
from receiver.prices import load_book, price_versions
from spanledger.cli.price_updates import download
from tests.otlp import call
from tests.pipeline import Pipeline
from tests.pricing.calls import Call, price_one
from tests.pricing.data_file import text_of
from tests.pricing.test_price_data import newer
from tests.test_command_line import spanledger

DEAL = '[[prices]]\nname = "deal"\nmodel = "gpt-4o*"\nrates = { input_tokens = 1, output_tokens = 2 }\n'


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """A ledger with one call of gpt-4o."""
    with Pipeline(tmp_path / "data") as running:
        running.take(call())
        yield running


def test_show_says_which_price_and_every_step(pipeline: Pipeline, tmp_path: Path) -> None:
    """Own and public price, their versions, and the multiplications add up to the cost."""
    file = tmp_path / "deal.toml"
    file.write_text(DEAL)
    data = ("--data-dir", str(pipeline.data.root))
    added = spanledger("prices", "add", str(file), *data)
    assert (added.returncode, "added deal.toml as version" in added.stdout) == (0, True)
    again = spanledger("prices", "add", str(file), *data)
    assert (again.returncode, "in force already" in again.stdout) == (0, True)
    usage = ("--usage", "input_tokens=1000", "--usage", "output_tokens=10")
    shown = spanledger(
        "prices", "show", "gpt-4o-2024-08-06", "--at", "2026-10-01", *usage, "--format", "json", *data
    )  # fmt: skip
    rows = json.loads(shown.stdout)
    paid = [row for row in rows if row["price"] == "cost"]
    assert [(row["unit"], row["count"], row["rate"], row["amount"]) for row in paid] == [
        ("input_tokens", 1000, "1", "0.001"),
        ("output_tokens", 10, "2", "0.00002"),
    ]
    assert {row["cost"] for row in rows} == {"0.001020000000"}
    assert {row["list_cost"] for row in rows} == {"0.002600000000"}
    assert rows[0]["price_version"].startswith("own deal.toml@")
    assert rows[0]["list_price_version"].startswith("genai-prices")


def test_a_file_with_problems_is_not_added(tmp_path: Path) -> None:
    """Each problem on a line of its own, exit code 1, nothing kept; a missing file is wrong use."""
    file = tmp_path / "bad.toml"
    file.write_text(DEAL + DEAL + "[[prices]]\nmodl = 'x'\n")
    data = ("--data-dir", str(tmp_path / "data"))
    checked = spanledger("prices", "check", str(file), *data)
    assert checked.returncode == 1
    assert "bad.toml, line 9 (prices[3]): unknown key 'modl'; did you mean model?" in checked.stderr
    assert "bad.toml, line 1 (deal) and bad.toml, line 5 (deal): both price input_tokens" in checked.stderr
    added = spanledger("prices", "add", str(file), *data)
    assert (added.returncode, "nothing was added: 2 problems" in added.stderr) == (1, True)
    assert not (tmp_path / "data" / "prices").exists()
    assert spanledger("prices", "check", str(tmp_path / "none.toml"), *data).returncode == 2


def test_newer_data_gives_new_models_at_once_and_changed_prices_after_a_yes(pipeline: Pipeline, tmp_path: Path) -> None:
    """Without a terminal to ask at, only new models are taken; --yes takes the rest; `package` goes back."""
    file = tmp_path / "data.json"
    file.write_text(text_of(newer()))
    data = ("--data-dir", str(pipeline.data.root))
    gpt_4o, gpt_99 = (Call("openai", model, {"input_tokens": 1_000_000}) for model in ("gpt-4o", "gpt-99"))

    first = spanledger("prices", "update", "--from", str(file), *data)
    assert first.returncode == 0
    assert "2 models new: newcomer/n1, openai/gpt-99" in first.stdout
    assert "1 model known, with changed prices: openai/gpt-4o" in first.stdout
    assert "calls of them in the ledger: 1, for 0.000350 USD at list prices" in first.stdout
    book = load_book(pipeline.data)
    assert book.snapshot.endswith(f"+ new models of genai-prices data {price_versions(pipeline.data).all()[-1].short}")
    assert price_one(gpt_99, book=book).cost == 7 * 10**11
    assert price_one(gpt_4o, book=book).cost == price_one(gpt_4o).cost

    second = spanledger("prices", "update", "--from", str(file), "--yes", *data)
    assert "all of it" in second.stdout
    assert price_one(gpt_4o, book=load_book(pipeline.data)).cost == 9 * 10**12

    assert "in force already" in spanledger("prices", "update", "--from", str(file), *data).stdout
    assert spanledger("prices", "update", "--from", "package", *data).returncode == 0
    assert price_one(gpt_4o, book=load_book(pipeline.data)).cost == price_one(gpt_4o).cost
    listed = json.loads(spanledger("prices", "list", "--format", "json", *data).stdout)
    assert [(row["kind"], row["says"]) for row in listed[1:]] == [("data", "new"), ("data", "all"), ("data", "package")]


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/none":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write("[é]".encode())

    def log_message(self, *_: object) -> None:
        pass


def test_a_download_is_the_text_that_is_published_or_an_error_in_words() -> None:
    """What the address answers; without one, the message names it and says what to do."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert download(f"{address}/data.json") == "[é]"
        with pytest.raises(PriceUpdateError, match="404"):
            download(f"{address}/none")
        server.shutdown()
    with pytest.raises(PriceUpdateError, match="give it with --from"):
        download(f"{address}/data.json")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--usage", "input_tokens=²"),
        ("--usage", "input_tokens=" + "9" * 5000),
        ("--usage", "input_tokens=1", "--usage", "input_tokens=2"),
        ("--at", "9999-12-31T23:59:59-14:00"),
    ],
    ids=["no digit", "too long", "twice", "outside the calendar"],
)
def test_what_cannot_be_meant_is_refused_in_words(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    """Exit code 2, and no traceback."""
    finished = spanledger("prices", "show", "gpt-4o", *wrong, "--data-dir", str(tmp_path))
    assert finished.returncode == 2
    assert wrong[0] in finished.stderr
    assert "Traceback" not in finished.stderr
