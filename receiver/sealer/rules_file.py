"""The rules file: read when it is there, and read again when it was changed. The sealer's only look at it.

Must not: judge the rules (`attribution_rules` does), or go on with half a file: what cannot be read leaves the rules
that hold as they are.
"""

from __future__ import annotations

from pathlib import Path

from receiver.attribution_rules import AttributionRules, AttributionRulesError, parse_rules


class RulesFile:
    """One file of rules, and which state of it was read last. Without a path there are no rules."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._rules: AttributionRules | None = None if path is not None else AttributionRules()

    def in_force(self) -> AttributionRules:
        """Return the rules read last, or read them for the first time.

        Raises:
            AttributionRulesError: they were never read, and the file is missing, or wrong.
        """
        return self.read() if self._rules is None else self._rules

    def read(self) -> AttributionRules:
        """Read the rules.

        Raises:
            AttributionRulesError: the file is missing, or wrong.
        """
        if self._path is None:
            return AttributionRules()
        self._seen = self._state()
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as unreadable:
            raise AttributionRulesError(
                f"the attribution rules {self._path} cannot be read ({unreadable}).",
                hint="Correct the setting attribution_rules, or the file.",
            ) from unreadable
        self._rules = parse_rules(text, where=str(self._path))
        return self._rules

    def has_changed(self) -> bool:
        """Say whether the file is another one than the one read last."""
        return self._path is not None and self._state() != self._seen

    def _state(self) -> tuple[int, int, int] | None:
        assert self._path is not None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
