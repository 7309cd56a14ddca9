"""The gate: which SQL a stranger may ask, decided on the parsed tree before anything runs.

One statement, a SELECT, over our views, common table expressions of its own, and a few functions that only make rows.
Kinds of node are an allow-list: what a later DuckDB adds is refused until someone has thought about it. A common table
expression is known only where SQL knows it: collected without their scopes, one named `duckdb_views` in a subquery
would open DuckDB's catalogue of that name to the query around it.

What the gate lets through still runs in the sandbox, which could do no more if the gate were passed.

Must not: run the query, or decide by looking at its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import duckdb

# No file, URL or Python variable that a name could be taken for looks like this.
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_ROW_FUNCTIONS: Final = frozenset({"range", "generate_series", "unnest"})
# They tell of the machine, the session, the plan or the catalogue rather than the ledger, or do nothing but take time.
# Some are macros over `duckdb_views()` and the like, which name the views' files; the tree shows only the macro's name.
_REFUSED_FUNCTIONS: Final = frozenset(
    {
        "current_database", "current_setting", "currval", "format_type", "get_block_size", "getenv", "getvariable",
        "json_serialize_plan", "nextval", "pg_get_constraintdef", "pg_get_viewdef", "pg_sleep", "setval", "sleep_ms",
        "write_log",
    }
)  # fmt: skip
_KINDS: Final = frozenset(
    {
        "SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE",
        "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION",
        "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER",
        "ASCENDING", "DESCENDING", "ORDER_DEFAULT",
    }
)  # fmt: skip
_DESCRIBING: Final = frozenset({"DESCRIBE", "SUMMARY"})
_WHAT_IS: Final = "one SELECT (WITH, joins, windows and subqueries are fine; PIVOT, EXPLAIN and SHOW are not)"

_Names = frozenset[str]
_Work = list[tuple[Any, _Names]]


class GateError(Exception):
    """The query is not one that may be asked; the message says what was refused and what is allowed."""


def check(text: str, *, views: Iterable[str], parser: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Let the query pass and return the views it names, or say why not; `parser` only parses.

    Raises:
        GateError: with a sentence for whoever asked.
    """
    allowed = frozenset(views)
    _check_one_select(text, parser)
    # A list of its own instead of recursion: how deep a tree is, is the stranger's choice.
    pending: _Work = [(_tree(text, parser), allowed)]
    named: set[str] = set()
    while pending:
        node, known = pending.pop()
        if isinstance(node, list):
            pending.extend((one, known) for one in node)
        elif isinstance(node, dict):
            _check_node(node, known, allowed)
            named.add(str(node.get("table_name", "")).lower())
            pending.extend(_inside(node, known))
    return allowed & named


def _check_one_select(text: str, parser: duckdb.DuckDBPyConnection) -> None:
    try:
        text.encode()
        statements = parser.extract_statements(text)
    except UnicodeEncodeError as unencoded:  # half a surrogate pair: JSON can say it, UTF-8 cannot
        raise GateError(f"the query is not text: character {unencoded.start + 1} is no character.") from unencoded
    except duckdb.Error as unparsed:
        raise GateError(f"the query cannot be parsed: {_first_line(unparsed)}") from unparsed
    if len(statements) != 1:
        raise GateError(f"{len(statements)} statements were given; exactly one SELECT is allowed.")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        shown = "PIVOT" if kind == duckdb.StatementType.MULTI else kind.name
        raise GateError(f"{shown} is not allowed; only {_WHAT_IS}.")


def _tree(text: str, parser: duckdb.DuckDBPyConnection) -> Any:
    ((serialized,),) = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()
    try:
        tree = json.loads(serialized)
    except RecursionError as deep:
        raise GateError("the query is nested too deeply.") from deep
    if tree.get("error"):
        raise GateError(f"this form of query is not allowed; only {_WHAT_IS}.")
    return tree["statements"]


def _inside(node: dict[str, Any], known: _Names) -> _Work:
    """Return what a node holds, each part with the names known there."""
    inside: _Work = []
    for entry in (node.get("cte_map") or {}).get("map", []):
        # A body knows the expressions before it, and not itself; see the recursive case below.
        inside.append((entry["value"], known))
        known |= {_plain_name(entry["key"])}
    parts = {key: value for key, value in node.items() if key != "cte_map"}
    if node.get("type") == "RECURSIVE_CTE_NODE":
        # Only the repeated side knows the expression's own name; the first side would find a table of that name.
        inside.append((parts.pop("right"), known | {_plain_name(node["cte_name"])}))
    inside.extend((value, known) for value in parts.values())
    return inside


def _plain_name(name: str) -> str:
    if not _NAME.fullmatch(name.lower()):
        raise GateError(f"WITH {name!r}: use a plain name of letters, digits and underscores.")
    return name.lower()


def _check_node(node: dict[str, Any], known: _Names, allowed: _Names) -> None:
    kind = node.get("type")
    if isinstance(kind, str) and "class" not in node and kind not in _KINDS:
        raise GateError(f"{kind.replace('_', ' ')} is not allowed; only {_WHAT_IS}.")
    if kind == "BASE_TABLE":
        _check_table(node, known, allowed)
    elif kind == "SHOW_REF" and (node.get("query") is None or node.get("show_type") not in _DESCRIBING):
        raise GateError(f"SHOW is not allowed; only {_WHAT_IS}, and DESCRIBE of a view.")
    elif kind == "TABLE_FUNCTION":
        _check_row_function(node)
    if node.get("function_name", "").lower() in _REFUSED_FUNCTIONS:
        raise GateError(f"the function {node['function_name']}() is not allowed here.")


def _check_table(node: dict[str, Any], known: _Names, allowed: _Names) -> None:
    path = node["qualified_name"]["path"]
    name = node["table_name"].lower()
    if path != [node["table_name"]] or not _NAME.fullmatch(name) or name not in known:
        raise GateError(f"the table {'.'.join(path)!r} is not one of the views: {', '.join(sorted(allowed))}.")


def _check_row_function(node: dict[str, Any]) -> None:
    name = node["function"]["function_name"].lower()
    if name not in _ROW_FUNCTIONS:
        listed = ", ".join(f"{one}()" for one in sorted(_ROW_FUNCTIONS))
        raise GateError(f"the table function {name}() is not allowed; only the views, and {listed}.")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
