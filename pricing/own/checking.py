"""Checking: all price files together, as they would hold together.

Must not: open a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pricing.own.book import OwnBook
from pricing.own.fields import Problem
from pricing.own.overlaps import deployment_overlaps, price_overlaps
from pricing.own.reading import read_price_file


@dataclass(frozen=True, slots=True)
class FileText:
    """One price file as it was added or is to be."""

    file: str
    text: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the files say together, and what is wrong with them."""

    book: OwnBook
    problems: tuple[Problem, ...]


def check_files(files: Iterable[FileText]) -> Checked:
    """Read files and compare their entries with one another; every problem is reported, none raised."""
    read = [read_price_file(one.text, file=one.file, version=one.version) for one in files]
    prices = [price for one in read for price in one.prices]
    deployments = [deployment for one in read for deployment in one.deployments]
    problems = [problem for one in read for problem in one.problems]
    problems += [*price_overlaps(prices), *deployment_overlaps(deployments)]
    return Checked(OwnBook(prices, deployments), tuple(problems))
