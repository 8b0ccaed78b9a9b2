"""Hold every transform's code against what its `code_version` stood for when it was last recorded.

A changed formula without a new `code_version` would leave old results standing as fresh. `--check`
(in `make lint`) fails then; without it the file is written anew (`make code-versions`), which says:
versions are raised, or the results are the same. Comments and docstrings do not count.
"""

import ast
import hashlib
import json
import sys
from datetime import date
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from stocks_ai_assets.domain.graph import transforms
from stocks_ai_assets.domain.transform import Parameters, Transform

FILE = Path(__file__).parents[1] / "stocks_ai_assets" / "domain" / "code_versions.json"
DOMAIN = "stocks_ai_assets.domain"
PYTHON = (3, 11)
"""Syntax trees differ between versions of Python; CI has this one."""


@cache
def parsed(module: str) -> ast.Module:
    """Syntax tree of a module without docstrings."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, module  # noqa: PT018, S101
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not _is_text(n)]  # type: ignore[attr-defined]
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the domain that a module imports, at its top or in a function."""
    found = set()
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(DOMAIN):
            found.add(node.module)
            found |= {f"{node.module}.{a.name}" for a in node.names if _is_module(node.module, a)}
    return frozenset(found)


def _is_module(package: str, alias: ast.alias) -> bool:
    spec = find_spec(package)
    return bool(spec and spec.submodule_search_locations and find_spec(f"{package}.{alias.name}"))


def code_of(transform: Transform) -> str:
    """Hash of all code of the domain that a transform's function can reach."""
    function = transform.function
    waiting = set()
    if isinstance(function, partial):
        waiting = {v.score.__module__ for v in function.keywords.values() if hasattr(v, "score")}
        function = function.func
    waiting.add(function.__module__)
    reached: set[str] = set()
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= imports(module) - reached
    digest = hashlib.sha256()
    for module in sorted(reached):
        digest.update(f"{module}\n{ast.dump(parsed(module))}\n".encode())
    return digest.hexdigest()[:16]


def main() -> None:
    """Check the file, or write it."""
    if sys.version_info[:2] != PYTHON:
        print(f"Code versions are compared under Python {PYTHON[0]}.{PYTHON[1]} only.")
        return
    now = {
        each.name: {"code_version": each.code_version, "code": code_of(each)}
        for each in transforms(Parameters(first_session=date(2021, 1, 4)))
    }
    if "--check" not in sys.argv:
        FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        return
    then = json.loads(FILE.read_text(encoding="utf-8"))
    changed = [name for name, found in now.items() if then.get(name) != found]
    silent = [n for n in changed if then.get(n, {}).get("code_version") == now[n]["code_version"]]
    for name in silent:
        print(f"{name}: its code changed and its code_version did not.", file=sys.stderr)
    if changed or then.keys() != now.keys():
        sys.exit(
            "Raise `code_version` of transforms whose results change, then run "
            "`make code-versions` and commit the file."
        )


if __name__ == "__main__":
    main()
