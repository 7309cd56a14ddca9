"""`python -m receiver.sealer.compaction` merges what its standard input asks for; the sealer starts it."""

from __future__ import annotations

from receiver.sealer.compaction.process import main

if __name__ == "__main__":
    main()
