"""The gate: which SQL a stranger may ask, decided on the parsed tree before anything runs.

One statement, a SELECT, over our views, common table expressions of its own, and a few functions that only make rows.
What the gate lets through still runs in the sandbox, which could do no more if the gate were passed.

Must not: run the query, or decide by looking at its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import duckdb

# No file, URL or Python variable that a name could be taken for looks like this.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_ROW_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest"})
# They tell of the machine or the session, not of the ledger.
_REFUSED_FUNCTIONS: Final = frozenset(
    {"getenv", "current_setting", "getvariable", "write_log", "query", "query_table", "current_database", "pg_typeof"}
)
_REFUSED_TABLES: Final = frozenset({"SHOW_REF", "COLUMN_DATA", "PIVOT", "BOUND_TABLE_REF", "DELIM_GET"})
_WHAT_IS: Final = "one SELECT (WITH, joins, windows and subqueries are fine; PIVOT, EXPLAIN and SHOW are not)"


class GateError(Exception):
    """The query is not one that may be asked; the message says what was refused and what is allowed."""


def check(text: str, *, views: Iterable[str]) -> None:
    """Let the query pass, or say why not.

    Raises:
        GateError: with a sentence for whoever asked.
    """
    allowed = frozenset(views)
    _check_one_select(text)
    tree = _tree(text)
    names = allowed | set(_expression_names(tree))
    for node in _nodes(tree):
        _check_node(node, names, allowed)


def _check_one_select(text: str) -> None:
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as unparsed:
        raise GateError(f"the query cannot be parsed: {_first_line(unparsed)}") from unparsed
    if len(statements) != 1:
        raise GateError(f"{len(statements)} statements were given; exactly one SELECT is allowed.")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        shown = "PIVOT" if kind == duckdb.StatementType.MULTI else kind.name
        raise GateError(f"{shown} is not allowed; only {_WHAT_IS}.")


def _tree(text: str) -> Any:
    with duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}) as parser:
        row = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()
    assert row is not None
    tree = json.loads(row[0])
    if tree.get("error"):
        raise GateError(f"this form of query is not allowed; only {_WHAT_IS}.")
    return tree["statements"]


def _expression_names(tree: Any) -> Iterator[str]:
    """Yield the names of common table expressions; each must be a plain name, never one that may mean a file."""
    for node in _nodes(tree):
        for entry in (node.get("cte_map") or {}).get("map", []):
            name = entry["key"]
            if not _NAME.fullmatch(name.lower()):
                raise GateError(f"WITH {name!r}: use a plain name of letters, digits and underscores.")
            yield name.lower()


def _check_node(node: dict[str, Any], names: frozenset[str] | set[str], allowed: frozenset[str]) -> None:
    kind = node.get("type")
    if kind in _REFUSED_TABLES:
        raise GateError(f"{str(kind).replace('_REF', '')} is not allowed; only {_WHAT_IS}.")
    if kind == "BASE_TABLE":
        name = node["table_name"]
        qualified = node.get("schema_name") or node.get("catalog_name")
        if qualified or not _NAME.fullmatch(name.lower()) or name.lower() not in names:
            shown = f"{qualified}.{name}" if qualified else name
            raise GateError(f"the table {shown!r} is not one of the views: {', '.join(sorted(allowed))}.")
    if kind == "TABLE_FUNCTION":
        function = node["function"]["function_name"].lower()
        if function not in _ROW_FUNCTIONS:
            raise GateError(f"the table function {function}() is not allowed; only the views, and {_listed()}.")
    if "function_name" in node and node["function_name"].lower() in _REFUSED_FUNCTIONS:
        raise GateError(f"the function {node['function_name']}() is not allowed here.")


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the tree."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _listed() -> str:
    return ", ".join(f"{name}()" for name in sorted(_ROW_FUNCTIONS))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
