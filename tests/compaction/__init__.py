"""Compaction: files change, answers never do."""
