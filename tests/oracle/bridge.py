"""Microsoft's KQL parser and binder, as an oracle for tests.

The npm package `@kusto/language-service-next` runs in one long-lived node process that speaks JSON
lines. It is looked for in `node_modules` at the root of the repository (`npm install` there), or in
the folder named by the environment variable FPCTL_NODE_MODULES. Where node or the package is
missing, `reason_missing()` says so and tests skip with that reason.

    with Oracle() as oracle:
        oracle.parse("T | where a == 1")                   -> list of diagnostics
        oracle.bind("T | where a == 1", {"T": {"a": "int"}}) -> list of diagnostics
        oracle.points(text, {"T": {"a": "int"}})             -> (diagnostics, points)
        oracle.literal("'a\\\\nb'")                        -> (type, value)

A set of tables can be sent once under a name (`oracle.define("xdr", tables, functions)`) and used
by that name afterwards. A function is `{"columns": {...}, "open": bool}` (what it returns) or
`{"parameters": "(x:string)", "body": "{ ... }"}`.

`gaps` gives the columns at the end of every source and operator of every pipeline, keyed by the end
offset: where several tabular expressions end at the same place, the longest (the pipeline so far).
Inside a function written in the query they are those of its first call, else of its declaration.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = "@kusto/language-service-next"
ROOT = Path(__file__).resolve().parents[2]

Tables = Mapping[str, Mapping[str, str]]
Functions = Mapping[str, Mapping[str, Any]]


class Diagnostic(NamedTuple):
    """What Microsoft's parser or binder says of a text. `severity` is `Error`, `Warning` ..."""

    code: str
    severity: str
    message: str
    start: int
    end: int


class OracleGap(NamedTuple):
    """The binder's columns at an end offset. `kind` is the syntax kind of the source or operator before it."""

    end: int
    start: int
    kind: str
    open: bool
    columns: tuple[tuple[str, str], ...]


class OracleError(RuntimeError):
    """The node process failed on a request."""


def node_modules() -> Path | None:
    """Return the folder that holds the npm package, or None."""
    named = os.environ.get("FPCTL_NODE_MODULES")
    for folder in [Path(named)] if named else [ROOT / "node_modules"]:
        if (folder / PACKAGE / "Kusto.Language.Bridge.min.js").is_file():
            return folder
    return None


def reason_missing() -> str | None:
    """Return why the oracle cannot run here, or None if it can."""
    if shutil.which("node") is None:
        return "node is not on PATH"
    if node_modules() is None:
        return f"{PACKAGE} is not installed: run `npm install` in {ROOT}, or set FPCTL_NODE_MODULES"
    return None


class Oracle:
    """A running node process. Not safe to share between threads."""

    def __init__(self) -> None:
        reason = reason_missing()
        if reason:
            raise OracleError(reason)
        self._defined: dict[str, str] = {}
        script = Path(__file__).with_name("bridge.js")
        self._process = subprocess.Popen(
            ["node", "--stack-size=8000", str(script), str(node_modules())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout:
            self._process.stdout.close()

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        """Send one request and return its answer.

        Raises:
            OracleError: the process died, or Microsoft's code threw.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise OracleError(f"node ended with code {self._process.wait()} on a request of kind {op}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise OracleError(answer["error"])
        return answer

    def define(self, name: str, tables: Tables, functions: Functions | None = None) -> None:
        """Send a set of tables and functions once, to be used by its name."""
        self.ask("schema", name=name, tables=tables, functions=functions or {})

    def parse(self, text: str) -> list[Diagnostic]:
        """Return the diagnostics of the parser alone."""
        return _diagnostics(self.ask("parse", text=text))

    def bind(self, text: str, schema: str | Tables, functions: Functions | None = None) -> list[Diagnostic]:
        """Return the diagnostics of parser and binder."""
        return _diagnostics(self.ask("bind", text=text, **self._schema(schema, functions)))

    def points(
        self, text: str, schema: str | Tables, functions: Functions | None = None
    ) -> tuple[list[Diagnostic], dict[int, OracleGap]]:
        """Return the diagnostics, and the visible columns by end offset."""
        answer = self.ask("gaps", text=text, **self._schema(schema, functions))
        gaps = {
            gap["end"]: OracleGap(
                gap["end"], gap["start"], gap["kind"], gap["open"], tuple((n, t) for n, t in gap["columns"])
            )
            for gap in answer["gaps"]
        }
        return _diagnostics(answer), gaps

    def _schema(self, schema: str | Tables, functions: Functions | None) -> dict[str, Any]:
        """Return the part of a request that names tables; tables are sent once, however often they are used."""
        if not isinstance(schema, str):
            tables = json.dumps(schema)
            if tables not in self._defined:
                self._defined[tables] = f"tables {len(self._defined)}"
                self.define(self._defined[tables], schema)
            schema = self._defined[tables]
        return {"schema": schema, "functions": functions or {}}

    def literal(self, text: str) -> tuple[str, Any]:
        """Return the (type, value) of a literal expression.

        Raises:
            OracleError: the text is not a constant.
        """
        answer = self.ask("literal", text=text)
        if answer["diagnostics"] or not answer["constant"]:
            raise OracleError(f"not a constant: {text!r} {answer['diagnostics']}")
        return answer["type"], answer["value"]

    def name(self, text: str) -> str:
        """Return a name as it must be written, in brackets where it needs them."""
        return str(self.ask("name", text=text)["text"])

    def version(self) -> str:
        """Return the version of the npm package."""
        return str(self.ask("version")["version"])


def errors(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Return the diagnostics that are errors."""
    return [d for d in diagnostics if d.severity == "Error"]


def _diagnostics(answer: dict[str, Any]) -> list[Diagnostic]:
    return [Diagnostic(d["code"], d["severity"], d["message"], d["start"], d["end"]) for d in answer["diagnostics"]]
