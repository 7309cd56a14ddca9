"""The setting `cost_authority`: from a variable or the file, exactly, or refused in words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from spanledger.settings import SettingsError, load_settings


def test_bands_are_read_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Source and band, comma-separated; a source may have colons of its own."""
    monkeypatch.setenv("SPANLEDGER_COST_AUTHORITY", "openrouter:0.10, host:gw.example:0.05")
    bands = {"openrouter": Decimal("0.10"), "host:gw.example": Decimal("0.05")}
    assert load_settings().sealer().authority.bands == bands


def test_bands_are_read_from_the_file_to_the_last_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table; a number's digits are meant, not its nearest float."""
    file = tmp_path / "spanledger.toml"
    file.write_text('cost_authority = { openrouter = 0.1, "litellm.cost.total" = "0.05" }\n')
    monkeypatch.setenv("SPANLEDGER_CONFIG", str(file))
    bands = {"openrouter": Decimal("0.1"), "litellm.cost.total": Decimal("0.05")}
    assert load_settings().authority().bands == bands


@pytest.mark.parametrize(
    "value", ["openrouter", "openrouter:", "openrouter:much", "openrouter:1.5", "openrouter:-0.1", ":0.1"]
)
def test_what_is_no_band_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting's name."""
    monkeypatch.setenv("SPANLEDGER_COST_AUTHORITY", value)
    with pytest.raises(SettingsError, match="cost_authority"):
        load_settings()
