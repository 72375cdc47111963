"""Do the tests notice? Plants one error after the other into a copy of gql/execution and runs them there.

`make planted` takes some minutes. `python -m tests.planted order` plants only those with this in their names.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
EXECUTION = "gql/execution"
TESTS = (
    *("nulls", "documents", "types", "input", "async", "columns", "hooks", "strawberry", "fuzz"),
)


class Bug(NamedTuple):
    """What is replaced in which module: it has to be there exactly once."""

    name: str
    module: str
    old: str
    new: str


BUGS = (
    Bug(
        "null spreads one level too few",
        "failures",
        "while target is not None and target[0].nonnull:",
        "if target is not None and target[0].nonnull:",
    ),
    Bug("null spreads over nullable places", "failures", "target[0].nonnull:", "True:"),
    Bug("errors in the order of columns", "failures", "if len(failures) > 1:", "if len(failures) > 10**9:"),
    Bug(
        "errors below what is null are reported",
        "failures",
        "        if self._is_null(path):\n            return\n",
        "",
    ),
    Bug("a list's own error comes first", "failures", "(*ranks, math.inf) if self.last else ranks", "ranks"),
    Bug("an error has the first node only", "failures", "field.nodes, list(path)", "field.nodes[:1], list(path)"),
    Bug("an error's path is its field's", "failures", "path = keys_of(failure.position)", "path = keys_of(field_position(failure.position))"),
    Bug("no null is required", "types", "self.field.null_error()", "self.field.null_error()) if 0 else (0"),
    Bug("required nulls are let through", "types", "if self.nonnull else ():", "if False else ():"),
    Bug("an Int has any size", "types", "if max(values) > 2**31 - 1 or min(values) < -(2**31):", "if False:"),
    Bug("an Int has no lower bound", "types", " or min(values) < -(2**31)", ""),
    Bug("a Float can be infinite", "types", "if not all(map(math.isfinite, values)):", "if False:"),
    Bug("a subclass counts as its class", "types", "if len(types) == 1:", "if types:"),
    Bug("leaves can be null", "types", "if not {type(None), type(Undefined)}.isdisjoint(map(type, completed)):", "if False:"),
    Bug("lists end one item late", "types", "starts = [0, *accumulate(map(len, lists))]", "starts = [0, *accumulate(len(each) or 1 for each in lists)]"),
    Bug("an item is looked for in the next list", "columns", "return bisect_right(self.starts, index) - 1", "return min(bisect_right(self.starts, index), len(self.starts)) - 1 if index else 0"),
    Bug("an empty list's place is taken", "columns", "bisect_right(self.starts, index) - 1", "self.starts.index(max(start for start in self.starts if start <= index))"),
    Bug("what an iterable gave before it failed is lost", "types", "        items.extend(iterable)\n", "        items.extend(list(iterable))\n"),
    Bug("what was awaited is awaited again", "types", "Kind.PLAIN if awaited and kind is Kind.AWAITABLE else kind", "kind"),
    Bug("conditions are those of the first request", "cache", "self.condition_names = sorted(set(_variables(conditions)))", "self.condition_names: list[str] = []"),
    Bug("conditions inside fragments are not looked at", "cache", "[self.node.selection_set, *(node.selection_set for node in self.fragments)]", "[self.node.selection_set]"),
    Bug("a plan serves all schemas", "cache", "            and self.schema is executor.schema\n", ""),
    Bug("a plan serves all operations of a document", "cache", "key = type(executor), id(executor.operation)", "key = type(executor), id(executor.operation.loc.source if executor.operation.loc else 0)\n        if key in self._operations: return self._operations[key]"),
    Bug("directives are ignored", "cache", "not self.node.directives\n            and ", ""),
    Bug("arguments are those of the first request", "fields", "if not field.has_variables and are_immutable(arguments):", "if are_immutable(arguments):"),
    Bug("arguments that can be changed are shared", "fields", "            if shared is None and are_immutable(arguments):", "            if shared is None:"),
    Bug("arguments that can be changed are kept", "fields", "if not field.has_variables and are_immutable(arguments):", "if not field.has_variables:"),
    Bug("a column may have any length", "fields", " or len(values) != count", ""),
    Bug("a column's list is the response's", "fields", "    return list(values)\n", "    return values\n"),
    Bug("a column's error is the first object's", "fields", "            return [error] * len(sources)\n", "            return [error] + [None] * (len(sources) - 1)\n"),
    Bug("the first type's plan is that of all", "objects", "plan = self._plans.get(graphql_type)", "plan = next(iter(self._plans.values()), None)"),
    Bug("values are of the type that they should be", "objects", "            elif not answer:\n                run.fail(column, index, invalid_return_type_error(graphql_type, value, self.field.details))\n", ""),
    Bug("types are mixed up", "objects", "chosen_values = [values[index] for index in chosen]", "chosen_values = list(values[: len(chosen)])"),
    Bug("fields come in another order", "plans", "for key, name in zip(keys, names, strict=True))", "for key, name in reversed(list(zip(keys, names, strict=True))))"),
    Bug("merged fields are not merged", "plans", "        self.details = details\n", "        self.details = details[:1]\n"),
    Bug("aliases are names", "plans", "enumerate(grouped.items()):\n", "enumerate((group[0].node.name.value, group) for group in grouped.values()):\n"),
    Bug("the parent's path is forgotten", "columns", "return None if column is None else column.position(index)", "return None"),
    Bug("infos share a position", "run", "return make((*head, position, *tail))", "return self.__dict__.setdefault(str(id(make)), make((*head, position, *tail)))"),
    Bug("mutations do not wait", "executor", "            self._begin(run, field, objects)\n            await run.waiting.settle()\n", "            self._begin(run, field, objects)\n        await run.waiting.settle()\n"),
    Bug("mutations go on after the end", "executor", "            if run.failures.is_all_null:\n                break\n        return self._answer(run, objects.rows[0])\n\n    async", "        return self._answer(run, objects.rows[0])\n\n    async"),
    Bug("middleware is ignored", "executor", "and (middleware is None or not middleware.middlewares)", "and True"),
    Bug("a slow value holds up its siblings", "waiting", "        if len(self._ready) < len(self._pending):\n            await asyncio.sleep(0)\n", "        while len(self._ready) < len(self._pending):\n            await asyncio.sleep(0)\n"),
    Bug("what is below a null runs on", "waiting", "                self._drop(future)\n\n    def _drop(", "                pass\n\n    def _drop("),
    Bug("nobody waits for what is cancelled", "waiting", "                await asyncio.wait(self._dropped)", "                pass"),
    Bug("a cancelled operation runs on", "waiting", "        except BaseException:\n            self.discard()\n            raise\n", "        except ZeroDivisionError:\n            raise\n"),
    Bug("one future is one place", "waiting", "for group, index in self._pending.pop(future, ()):", "for group, index in self._pending.pop(future, ())[:1]:"),
    Bug("values that come together change places", "waiting", "            outcomes.sort(key=_index)\n            group.release(self._run, [index for index, _ in outcomes]", "            group.release(self._run, sorted(index for index, _ in outcomes)"),
    Bug("Strawberry's permissions are skipped", "strawberry", "        and not declared.extensions\n", ""),
    Bug("Strawberry's arguments stay as they came", "strawberry", "return convert_arguments(given, self.declared.arguments, scalar_registry=registry, config=config)", "return given"),
)  # fmt: skip


def planted(bug: Bug, folder: Path) -> None:
    path = folder / EXECUTION / f"{bug.module}.py"
    text = path.read_text()
    if text.count(bug.old) != 1:
        raise SystemExit(f"{bug.name}: {text.count(bug.old)} times in {path.name}")
    path.write_text(text.replace(bug.old, bug.new))


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    """In this process' environment; a run that does not end has noticed something, too."""
    paths = [f"tests/test_execution_{name}.py" for name in TESTS]
    options = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=60"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "N": os.environ.get("N", "600")},
        capture_output=True,
        text=True,
        check=False,
    )


def copied(folder: Path) -> Path:
    for name in ("gql", "db", "tests", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def verdict(bug: Bug | None) -> str:
    """What came of the tests, and which was the first to notice."""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        if bug is not None:
            planted(bug, folder)
        finished = run_tests(folder)
    first = next((line for line in finished.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "E  "))), "")
    return "survived" if finished.returncode == 0 else f"caught   {first[:100] or 'it never ended'}"


def main(wanted: str) -> None:
    if not (sound := verdict(None)).startswith("survived"):
        raise SystemExit(f"The tests fail without any error planted: {sound}")
    bugs = [bug for bug in BUGS if wanted in bug.name]
    survivors = []
    for bug in bugs:
        result = verdict(bug)
        survivors += [bug.name] if result == "survived" else []
        print(f"{bug.name:48} {result}", flush=True)  # noqa: T201
    print(f"{len(bugs) - len(survivors)} of {len(bugs)} caught")  # noqa: T201
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
