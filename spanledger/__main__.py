"""`python -m spanledger` is the command `spanledger`."""

from __future__ import annotations

from spanledger.cli import main

if __name__ == "__main__":
    main()
