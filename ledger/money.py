"""Money: decimals of fixed scale, and the two places where an amount is rounded.

An entry's cost is the exact product of quantity and price, rounded half-even to 12 decimals, once. An invoice line is
rounded half-even to its currency's minor unit, once. Nothing else rounds, and nothing here is a float.

In columns, an amount is an integer count of 10⁻¹² of the currency's unit, stored as DECIMAL(38,12).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Final

import numpy as np
import pyarrow as pa

COST_SCALE: Final = 12
COST_PRECISION: Final = 38
COST_TYPE: Final[pa.DataType] = pa.decimal128(COST_PRECISION, COST_SCALE)
COST_QUANTUM: Final = Decimal(1).scaleb(-COST_SCALE)

# 38 digits hold any ledger amount exactly; the default of 28 would round sums silently.
MONEY_CONTEXT: Final = Context(prec=76, rounding=ROUND_HALF_EVEN)

# ISO 4217 minor units that are not 2. Others have 2.
_MINOR_UNIT_DIGITS: Final = {
    "BHD": 3, "CLP": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3,
    "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip


def round_cost(amount: Decimal) -> Decimal:
    """Round an exact product to the ledger's 12 decimals, half-even."""
    with localcontext(MONEY_CONTEXT):
        return amount.quantize(COST_QUANTUM)


def round_to_minor_unit(amount: Decimal, *, currency: str) -> Decimal:
    """Round an invoice line to the minor unit of `currency` (ISO 4217), half-even."""
    digits = _MINOR_UNIT_DIGITS.get(currency, 2)
    with localcontext(MONEY_CONTEXT):
        return amount.quantize(Decimal(1).scaleb(-digits))


def to_picos(amount: Decimal) -> int:
    """Return the amount as a count of 10⁻¹² units.

    Raises:
        ValueError: when the amount has more than 12 decimals; round it first.
    """
    with localcontext(MONEY_CONTEXT):
        scaled = amount.scaleb(COST_SCALE)
    picos = int(scaled)
    if picos != scaled:
        raise ValueError(f"{amount} has more than {COST_SCALE} decimals; round_cost() it first")
    return picos


def from_picos(picos: int) -> Decimal:
    """Return a count of 10⁻¹² units as a Decimal with 12 decimals."""
    with localcontext(MONEY_CONTEXT):
        return Decimal(picos).scaleb(-COST_SCALE)


def cost_array(picos: Sequence[int | None]) -> pa.Array:
    """Build a DECIMAL(38,12) array from counts of 10⁻¹² units; None stays null.

    Values that fit 64 bits (9.2 million dollars an entry) take the quick way: a decimal128 is a little-endian
    two's complement integer, so its bytes are laid out directly.
    """
    count = len(picos)
    present = np.ones(count, np.bool_)
    try:
        if None in picos:
            present = np.fromiter((value is not None for value in picos), dtype=bool, count=count)
            low = np.fromiter((0 if value is None else value for value in picos), dtype=np.int64, count=count)
        else:
            low = np.array(picos, np.int64)
    except OverflowError:
        return pa.array([None if value is None else from_picos(value) for value in picos], type=COST_TYPE)
    words = np.empty((count, 2), dtype=np.int64)
    words[:, 0] = low
    words[:, 1] = low >> 63
    validity = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    return pa.Array.from_buffers(COST_TYPE, count, [validity, pa.py_buffer(words.tobytes())])
