"""Configurations from the wild: what is found in each, and that the corrected YAML corrects it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spanledger.collector_check import Finding, Report, Severity, Source, check
from spanledger.collector_check.rules import BY_NAME, RULES
from tests.collector import CONFIG_FOLDER, COST_ONLY, LOSSLESS, require_collector, validate
from tests.collector_check.configurations import CASES, SAFE, Case

USERS = """
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:14317", max_recv_msg_size_mib: 32}}}}
processors: {batch: , probabilistic_sampler: {sampling_percentage: 1}}
exporters: {otlp/tempo: {endpoint: "tempo:4317"}}
service:
  extensions: [file_storage/spanledger]
  pipelines: {traces: {receivers: [otlp], processors: [probabilistic_sampler, batch], exporters: [otlp/tempo]}}
"""


def sources(case: Case) -> list[Source]:
    """The files of a case."""
    return (
        [Source("case.yaml", case.yaml)] if case.alone else [Source("safe.yaml", SAFE), Source("case.yaml", case.yaml)]
    )


def checked(*texts: str, exporters: tuple[str, ...] = (), **environment: str) -> Report:
    """The report on texts."""
    files = [Source(f"{number}.yaml", text) for number, text in enumerate(texts)]
    return check(files, exporters=exporters, environment=environment)


def corrected(case: Case) -> list[Source]:
    """The files of a case, with the fixes of everything that loses laid over them until nothing has one."""
    files = sources(case)
    for _ in range(len(RULES)):
        fixes = [one.fix for one in check(files, environment={}).findings if one.severity != Severity.NOTE and one.fix]
        if not fixes:
            break
        files += [Source(f"fix-{number}.yaml", fix) for number, fix in enumerate(dict.fromkeys(fixes))]
    return files


def seen(findings: tuple[Finding, ...]) -> set[tuple[str, str, str]]:
    """Findings as a case states them."""
    return {(one.severity.value, one.rule, one.setting) for one in findings}


def test_safe_configuration() -> None:
    """The configuration that cases are laid over has no finding of its own."""
    assert checked(SAFE).findings == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_configuration_from_the_wild(case: Case) -> None:
    """Exactly the expected settings are found, each no worse than its rule says, with a line in a file."""
    report = check(sources(case), environment={})
    assert seen(report.findings) == set(case.found)
    assert report.loses is any(severity == "loses" for severity, _, _ in case.found)
    order = list(Severity)
    for one in report.findings:
        assert order.index(one.severity) >= order.index(BY_NAME[one.rule].worst)
        assert one.place is not None
        assert one.why.endswith(".")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fixes_laid_over_the_configuration(case: Case) -> None:
    """With the corrected YAML merged over it, nothing loses any more."""
    if case.name == "two ledgers behind a load balancer":
        assert "otlp_grpc/spanledger" in check(sources(case), environment={}).findings[0].fix
    assert not check(corrected(case), environment={}).loses


@pytest.mark.collector
@pytest.mark.parametrize("case", [case for case in CASES if case.is_built], ids=lambda case: case.name)
def test_real_collector_accepts_the_fixes(case: Case, tmp_path: Path) -> None:
    """The Collector finds the configuration valid with the corrected YAML merged over it."""
    require_collector()
    files = []
    for number, source in enumerate(corrected(case)):
        path = tmp_path / f"{number:02}-{source.name}"
        path.write_text(source.text.replace("/var/lib/otelcol", str(tmp_path)))
        files.append(path)
    assert validate(*files, folder=tmp_path) == ""


def test_every_rule_is_found_somewhere() -> None:
    """No rule stands in the table that nothing can find."""
    elsewhere = {"exporter-assumed", "undefined-component"}
    assert {rule for case in CASES for _, rule, _ in case.found} | elsewhere == set(BY_NAME)


@pytest.mark.parametrize(
    "paths",
    [("lossless.yaml",), ("cost-only.yaml",), ("lossless.yaml", "mtls.yaml")],
    ids="+".join,
)
def test_our_own_configuration(paths: tuple[str, ...]) -> None:
    """What we ship has nothing that loses or may lose, by itself or laid over as it is meant to be."""
    findings = checked(*((CONFIG_FOLDER / name).read_text() for name in paths)).findings
    assert [one for one in findings if one.severity != Severity.NOTE] == []


def test_lossless_has_no_finding_at_all() -> None:
    """The configuration that promises all has not even a note."""
    assert checked(LOSSLESS.read_text()).findings == ()


def test_overlay_beside_a_users_sampled_pipeline() -> None:
    """Merged into somebody's configuration, the overlay takes spans before their sampler, and nothing is found."""
    assert checked(USERS, COST_ONLY.read_text()).findings == ()


def test_overlay_without_the_line_in_the_users_file() -> None:
    """The one line that a user has to change is missed."""
    without = USERS.replace("[file_storage/spanledger]", "[]")
    assert [one.rule for one in checked(without, COST_ONLY.read_text()).findings] == ["storage-missing"]


def test_overlay_whose_filter_lacks_a_mark() -> None:
    """The overlay's filter is understood, not recognised: without one namespace it drops that one's spans."""
    broken = COST_ONLY.read_text().replace("|traceloop|", "|")
    (found,) = [one for one in checked(USERS, broken).findings if one.severity == Severity.LOSES]
    assert "traceloop." in found.why


def test_customer_key_that_the_overlay_does_not_know() -> None:
    """A user's own key must be in the filter; the variable puts it there."""
    files = [Source("users.yaml", USERS), Source("cost-only.yaml", COST_ONLY.read_text())]
    assert check(files, customer_keys=["acme.account"], environment={}).loses
    variables = {"SPANLEDGER_CUSTOMER_KEYS": "acme[.]account"}
    assert not check(files, customer_keys=["acme.account"], environment=variables).loses


def test_exporter_known_by_its_port_only() -> None:
    """Where nothing says spanledger, port 4317 is taken, and that is said."""
    text = SAFE.replace("otlp_grpc/spanledger", "otlp_grpc/costs")
    (found,) = checked(text).findings
    assert (found.rule, found.severity) == ("exporter-assumed", Severity.NOTE)
    assert checked(text, exporters=("otlp_grpc/costs",)).findings == ()


def test_exporter_named_that_is_not_there() -> None:
    """A name on the command line that no exporter has is told, not passed over."""
    (found,) = checked(SAFE, exporters=("otlp_grpc/cost",)).findings
    assert found.rule == "no-exporter"
    assert "otlp_grpc/cost" in found.why


def test_storage_of_another_kind() -> None:
    """Of a storage that is no file_storage nothing is promised."""
    over = "extensions: {redis_storage: }\nexporters: {otlp_grpc/spanledger: {sending_queue: {storage: redis_storage}}}"
    findings = checked(SAFE, f"{over}\nservice: {{extensions: [redis_storage]}}").findings
    assert [one.rule for one in findings] == ["storage-unknown"]


def test_every_condition_and_statement_counts() -> None:
    """Two conditions that drop are two findings; one that cannot drop is none."""
    conditions = ['attributes["llm.model_name"] == nil', 'attributes["customer.id"] != nil', "false"]
    over = f"processors: {{filter: {{trace_conditions: {conditions}}}}}\n"
    findings = checked(SAFE, f"{over}service: {{pipelines: {{traces: {{processors: [filter]}}}}}}").findings
    assert [(one.rule, one.severity) for one in findings] == [("filter", Severity.LOSES)] * 2
    assert "trace_conditions[1]" in findings[1].why


def test_processor_upstream_that_adds_the_customer() -> None:
    """The corrected way keeps what does no harm, wherever it stands: the customer may come from it."""
    over = (
        "connectors: {forward: }\nprocessors: {batch: , resource/who: {attributes: [{key: tenant.id, value: x,"
        " action: upsert}]}}\nservice: {pipelines: {traces/in: {receivers: [otlp], processors: [resource/who],"
        " exporters: [debug, forward]}, traces: {receivers: [forward], processors: [batch]}}}"
    )
    (found,) = checked(SAFE, over).findings
    assert "processors: [resource/who]" in found.fix
    assert not checked(SAFE, over, found.fix).loses


def test_file_and_line_of_a_merged_setting() -> None:
    """A finding names the file that set it, and its line there."""
    case = "\n\nextensions:\n  file_storage/q:\n    fsync: false\n"
    (found,) = checked(SAFE, case).findings
    assert found.place is not None
    assert (found.place.file, found.place.line) == ("1.yaml", 5)


def test_a_loop_of_connectors() -> None:
    """Pipelines that lead to each other are followed once."""
    loop = (
        "connectors: {forward/a: , forward/b: }\nservice: {pipelines: {"
        "traces/a: {receivers: [forward/a, otlp], exporters: [forward/b]},"
        "traces: {receivers: [forward/b], exporters: [forward/a, otlp_grpc/spanledger]}}}"
    )
    assert checked(SAFE, loop).findings == ()
