"""What can go wrong with a ledger, grouped by who must act.

SpanledgerError                 every error of ours; carries a hint for the operator
├── LedgerInUseError            another process writes this ledger: stop that one, or use another data directory
├── LedgerTooNewError           written by a newer spanledger: upgrade this program
├── LedgerMissingError          no ledger there (yet): start the receiver, or correct the path
├── AddressError                a program cannot listen where it was told to: choose another address
├── WrongUseError               what was asked for cannot be meant, such as a file that is not there: ask for another
└── LedgerDamagedError          what is on disk contradicts itself: restore or repair before going on
"""

from __future__ import annotations


class SpanledgerError(Exception):
    """An error with the operator's next step.

    `str()` gives the message and the hint; `message` and `hint` give them apart.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


class LedgerInUseError(SpanledgerError):
    """Another process holds the lock on this ledger or data directory."""


class LedgerTooNewError(SpanledgerError):
    """The ledger needs a newer program than this one."""


class LedgerMissingError(SpanledgerError):
    """There is no ledger where one was expected."""


class AddressError(SpanledgerError):
    """The address to listen on is taken, or is no address."""


class WrongUseError(SpanledgerError):
    """What was asked for cannot be done as it was asked; nothing was changed."""


class LedgerDamagedError(SpanledgerError):
    """Bytes on disk fail their checksum or contradict one another."""
