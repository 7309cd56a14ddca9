"""The demo: recorded real calls through the real thing, on a scratch directory.

Owns: the recorded spans (`recorded/`), sending them as an application would (`sending`), and the show (`show`). Nothing
here is part of running spanledger for real.
"""
