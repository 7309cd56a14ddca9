"""`spanledger compact`, and the sealer that compacts by itself, as processes."""

from __future__ import annotations

from pathlib import Path

from tests.compaction.ledgers import answers, fill, segment_files
from tests.pipeline import Pipeline
from tests.test_command_line import spanledger


def test_command_merges_and_says_what_became_of_it(tmp_path: Path) -> None:
    """Few files instead of many, the same answers; run again, there is nothing to do but to delete."""
    with Pipeline(tmp_path) as pipeline:
        fill(pipeline)
        before = answers(pipeline)
        refused = spanledger("compact", "--data-dir", str(tmp_path))
        assert (refused.returncode, "A running sealer compacts by itself" in refused.stderr) == (1, True)
    finished = spanledger("compact", "--data-dir", str(tmp_path), "--grace-hours", "0")
    assert finished.returncode == 0, finished.stderr
    assert "are 4 files" in finished.stdout
    assert len(segment_files(tmp_path)) == 4
    again = spanledger("compact", "--data-dir", str(tmp_path))
    assert "4 files with" in again.stdout
    verified = spanledger("verify", "--data-dir", str(tmp_path))
    assert (verified.returncode, "everything is whole" in verified.stderr) == (0, True), verified.stdout
    with Pipeline(tmp_path) as pipeline:
        assert pipeline.sealer
        assert answers(pipeline) == before
        fill(pipeline)
        assert answers(pipeline)["calls"] == before["calls"]


def test_backup_of_a_compacted_ledger_is_restored(tmp_path: Path) -> None:
    """Retired files are left out; history is not."""
    with Pipeline(tmp_path / "one") as pipeline:
        fill(pipeline)
        pipeline.sealer._manifest.checkpoint(lines_kept=2)
        before = answers(pipeline)
    data = ("--data-dir", str(tmp_path / "one"))
    assert spanledger("compact", *data).returncode == 0
    assert spanledger("backup", str(tmp_path / "backup"), *data).returncode == 0
    restored = spanledger("restore", str(tmp_path / "backup"), "--data-dir", str(tmp_path / "two"))
    assert restored.returncode == 0, restored.stderr
    assert spanledger("verify", "--data-dir", str(tmp_path / "two")).returncode == 0
    with Pipeline(tmp_path / "two") as pipeline:
        assert pipeline.sealer
        assert answers(pipeline) == before
        assert list((tmp_path / "two" / "ledger" / "history").iterdir())


def test_a_folder_without_a_ledger_is_none_to_found(tmp_path: Path) -> None:
    """A misspelt --data-dir is told, and nothing is made there."""
    finished = spanledger("compact", "--data-dir", str(tmp_path / "misspelt"))
    assert (finished.returncode, "there is no ledger" in finished.stderr) == (1, True)
    assert not (tmp_path / "misspelt").exists()
