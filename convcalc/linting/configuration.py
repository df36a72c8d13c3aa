"""What is configured: `[tool.convcalc.lint]` of a pyproject.toml, or `[lint]` of a convcalc.toml.

For each linted file the nearest such file counts, in its folder or above; a convcalc.toml before a pyproject.toml
beside it. A pyproject.toml without the table is passed over. Nothing is inherited from further up.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from convcalc import rules, steps
from convcalc.analysis.terms import HowRun
from convcalc.arithmetic.precision import precision
from convcalc.fields import LARGEST, shown
from convcalc.language.limits import AS, COUNTED, LIMITED
from convcalc.language.quantities import DURATION, EXPECTED, EXPECTED_DURATION, amount, duration
from convcalc.language.source import STEPS_OF_DIAGNOSTIC, Diagnostic, Source, SpecError, read
from convcalc.language.suggestions import did_you_mean
from convcalc.language.tree import LONGEST_NUMBER
from convcalc.linting.deploying import device_named, how_run, tool_named
from convcalc.rules._subject import ConfiguredLimit

TABLES = {"convcalc.toml": ("lint",), "pyproject.toml": ("tool", "convcalc", "lint")}
"""In one folder, the first file that has its table counts."""
LEVELS = ("info", "warning", "error")
_DOT_PAIRS_IN_STEP = 80
CHARACTERS_IN_STEP = 20
"""Of a text in which a key is looked for."""
_PLACES_IN_STEP = 10
"""Of a path, for each part of a pattern."""
_MAY_CONFIGURE = re.compile(
    r"""(?m)\btool["']?\s*\.\s*["']?convcalc|convcalc["']?\s*=\s*\{|^[ \t]*\[[ \t]*["']?tool["']?[ \t]*\]"""
)
"""What a table of ours can be written as in a pyproject.toml."""


class Configuration(msgspec.Struct, frozen=True):
    """What is configured; `path` is empty where nothing is.

    `select`, `extend_select`, `ignore` hold codes, names or prefixes; None selects what is on by default. Patterns are
    relative to the folder of `path`. `budgets` are limits for the files that a pattern matches.
    """

    path: str = ""
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: dict[str, tuple[str, ...]] = {}
    severity: dict[str, str] = {}
    device: str | None = None
    dtype: str | None = None
    fused: bool | None = None
    batch: int | None = None
    object_size: int | None = None
    fail_level: str = "warning"
    budgets: dict[str, dict[str, ConfiguredLimit]] = {}

    @property
    def how(self) -> HowRun:
        """How networks are deployed, as far as it is said."""
        return how_run(device=self.device, dtype=self.dtype, fused=self.fused, batch=self.batch)

    @property
    def folder(self) -> str:
        """The folder that its patterns of files are relative to."""
        return os.path.dirname(os.path.abspath(self.path)) if self.path else os.getcwd()

    def ignored_in(self, path: str) -> list[str]:
        """The words that are ignored in one file."""
        ignored = (words for pattern, words in self.per_file_ignores.items() if self._matches(pattern, path))
        return [word for words in ignored for word in words]

    def budgets_of(self, path: str) -> dict[str, ConfiguredLimit]:
        """The limits of one file; a later pattern wins."""
        merged: dict[str, ConfiguredLimit] = {}
        for pattern, limits in self.budgets.items():
            if self._matches(pattern, path):
                merged |= limits
        return merged

    def _matches(self, pattern: str, path: str) -> bool:
        return matches(pattern, os.path.relpath(os.path.abspath(path), self.folder).replace(os.sep, "/"))


def matches(pattern: str, path: str) -> bool:
    """Whether a path matches: ``*`` within a folder, ``**`` across folders; without a slash, the file's name."""
    if "/" not in pattern:
        path = path.rpartition("/")[2]
    parts = re.findall(r"\*\*/|\*\*|.", pattern.removeprefix("./"), re.DOTALL)
    steps.spend(len(parts) * len(path) // _PLACES_IN_STEP)
    reached = [True] + [False] * len(path)
    for part in parts:
        reached = _reached(part, reached, path)
    return reached[-1]


def _reached(part: str, before: list[bool], path: str) -> list[bool]:
    """Of each place in a path whether a part of a pattern can end there, given where it can begin.

    All ways are followed at once: one by one, as a regular expression goes, they may be too many.
    """
    if part in ("*", "**"):
        after, within = [], False
        for place, begins in enumerate(before):
            within = begins or (within and (part == "**" or path[place - 1] != "/"))
            after.append(within)
        return after
    if part == "**/":
        behind = [place > 0 and path[place - 1] == "/" for place in range(len(before))]
        inside = _reached("**", before, path)
        places = zip(before, behind, inside, strict=True)
        return [begins or (ends and reached) for begins, ends, reached in places]
    fits = [character == part or (part == "?" and character != "/") for character in path]
    return [False, *(begins and fit for begins, fit in zip(before, fits, strict=False))]


class Finder:
    """Finds the configuration of files; each file of it is read once."""

    def __init__(self, given: str | None = None) -> None:
        self._given = configured(given) if given is not None else None
        self._known: dict[str, Configuration | None] = {}

    def of(self, path: str) -> Configuration:
        """The configuration of a linted file; of what is no file, that of the current folder.

        Raises:
            SpecError: it has mistakes.
        """
        if self._given is not None:
            return self._given
        folder, below = os.path.dirname(os.path.abspath(path)) if path != "-" else os.getcwd(), ""
        while folder != below:
            if folder not in self._known:
                self._known[folder] = _in_folder(folder)
            configuration = self._known[folder]
            if configuration is not None:
                return configuration
            folder, below = os.path.dirname(folder), folder
        return Configuration()


def _in_folder(folder: str) -> Configuration | None:
    for path in (os.path.join(folder, name) for name in TABLES):
        if os.path.isfile(path):
            relative = os.path.relpath(path)
            shown_path = path if relative.startswith("..") else relative
            configuration = configured(shown_path, optional=path.endswith("pyproject.toml"))
            if configuration is not None:
                return configuration
    return None


def configured(path: str, *, optional: bool = False) -> Configuration | None:
    """The configuration in a file; None where it has no such table and need not.

    Raises:
        SpecError: it cannot be read, or has mistakes.
    """
    source = read(path)
    if optional and not _MAY_CONFIGURE.search(source.text):
        return None  # without reading TOML, which every start would pay for
    try:
        return _TableReader(source).configuration(optional=optional)
    except steps.OutOfSteps as error:
        raise SpecError([Diagnostic(source.path, 0, 0, 0, "CC008", str(error))]) from None


class _TableReader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.table = TABLES.get(os.path.basename(source.path), TABLES["convcalc.toml"])

    def configuration(self, *, optional: bool) -> Configuration | None:
        table: Any = self._parsed()
        for depth, name in enumerate(self.table):
            if isinstance(table, dict) and name == "lint":
                self._unknown(table, ("lint",), self.table[:depth])
            if not isinstance(table, dict) or name not in table:
                if optional and not self.problems:
                    return None
                table = {}
                break
            table = table[name]
            if not isinstance(table, dict):
                self._problem(self.table[:depth], name, f"expected a table, found {shown(table)}")
                table = {}
        fields = self._fields(table)
        if self.problems:
            raise SpecError(self.problems)
        return Configuration(path=self.source.path, **fields)

    def _parsed(self) -> dict[str, Any]:
        import tomllib

        text = self.source.text
        # Each part of a dotted key is looked up from the first on.
        dots = (line.count(".") for line in text.split("\n"))
        steps.spend(len(text) + sum(count * count // _DOT_PAIRS_IN_STEP for count in dots))
        try:
            return tomllib.loads(text.replace("\r\n", "\n"))
        except (ValueError, RecursionError) as error:
            if isinstance(error, ValueError) and not isinstance(error, tomllib.TOMLDecodeError):
                raise SpecError([self._too_long_number()]) from None
            message, _, place = ("" if isinstance(error, RecursionError) else str(error)).partition(" (at ")
            where = re.match(r"line (\d+), column (\d+)", place)
            start = self.source.line_at(int(where[1]))[1] + int(where[2]) - 1 if where else len(self.source.text)
            message = f"not valid TOML: {message or 'nested too deep'}"
            raise SpecError([self.source.diagnostic("CC001", start, start + 1, message)]) from None

    def _too_long_number(self) -> Diagnostic:
        """What Python refuses of a number that is none of TOML's mistakes."""
        longest = max(re.finditer(r"[\w+.-]+", self.source.text), key=lambda match: match.end() - match.start())
        message = f"expected numbers of at most {LONGEST_NUMBER} digits"
        return self.source.diagnostic("CC011", *longest.span(), message)

    def _fields(self, table: dict[str, Any]) -> dict[str, Any]:
        self._unknown(table, KEYS, self.table)
        fields = {}
        for key, value in table.items():
            if key in KEYS:
                read_value = getattr(self, f"_{KEYS[key]}")(self.table, key, value)
                if read_value is not None:
                    fields[key.replace("-", "_")] = read_value
        return fields

    # ---- types ----

    def _words(self, table: tuple[str, ...], key: str, value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self._problem(table, key, f"expected a list of codes, names or prefixes, found {_found(value)}")
            return None
        for word in value:
            if not rules.chosen(word):
                self._problem(table, key, f"there is no rule `{word}`", rules.did_you_mean(word), word)
        return tuple(value)

    def _words_by_pattern(self, table: tuple[str, ...], key: str, value: Any) -> dict[str, tuple[str, ...]] | None:
        entries = self._entries(table, key, value, "a table from patterns of files to lists of rules")
        inner = (*table, key)
        return {pattern: self._words(inner, pattern, words) or () for pattern, words in entries}

    def _severities(self, table: tuple[str, ...], key: str, value: Any) -> dict[str, str]:
        severities = {}
        for word, level in self._entries(table, key, value, "a table from rules to severities"):
            codes, inner = rules.chosen(word), (*table, key)
            if not codes:
                self._problem(inner, word, f"there is no rule `{word}`", rules.did_you_mean(word))
            severity = self._one_of(inner, word, level, rules.SEVERITIES)
            for code in codes if severity is not None else ():
                if code not in severities or rules.code(word) is not None:  # one rule by name wins over a prefix
                    severities[code] = str(severity)
        return severities

    def _level(self, table: tuple[str, ...], key: str, value: Any) -> str | None:
        return self._one_of(table, key, value, LEVELS)

    def _device(self, table: tuple[str, ...], key: str, value: Any) -> str | None:
        """A device's name, or a file from the folder of the configuration."""
        if not isinstance(value, str) or not value:
            self._problem(table, key, f"expected the name of a device or of a file, found {_found(value)}")
            return None
        named, problem, advice = device_named(value, os.path.dirname(self.source.path))
        if problem:
            self._problem(table, key, problem, advice)
        return named

    def _dtype(self, table: tuple[str, ...], key: str, value: Any) -> str | None:
        try:
            precision(value if isinstance(value, str) else _found(value))
        except ValueError as error:
            self._problem(table, key, str(error))
            return None
        return str(value)

    def _flag(self, table: tuple[str, ...], key: str, value: Any) -> bool | None:
        if isinstance(value, bool):
            return value
        self._problem(table, key, f"expected true or false, found {_found(value)}")
        return None

    def _size(self, table: tuple[str, ...], key: str, value: Any) -> int | None:
        return self._count(table, key, value, " of pixels")

    def _count(self, table: tuple[str, ...], key: str, value: Any, of: str = "") -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST:
            return value
        self._problem(table, key, f"expected a whole number{of} from 1 to {LARGEST}, found {_found(value)}")
        return None

    def _budgets(self, table: tuple[str, ...], key: str, value: Any) -> dict[str, dict[str, ConfiguredLimit]]:
        budgets = {}
        for pattern, limits in self._entries(table, key, value, "a table from patterns of files to limits"):
            inner = (*table, key, pattern)
            entries = self._entries((*table, key), pattern, limits, "a table of limits")
            self._unknown((name for name, _ in entries), (*LIMITED, AS), inner)
            amounts = {name: self._amount(inner, name, written) for name, written in entries if name in LIMITED}
            tool = self._tool(inner, dict(entries)[AS], list(amounts)) if AS in dict(entries) else ""
            kept = {name: limit for name, limit in amounts.items() if limit is not None}
            tools = {name: tool if name in COUNTED else "" for name in kept}
            budgets[pattern] = {name: ConfiguredLimit(limit, tools[name]) for name, limit in kept.items()}
        return budgets

    def _tool(self, table: tuple[str, ...], value: Any, limited: Sequence[str]) -> str:
        """The tool by whose count limits are held; a file from the folder of the configuration."""
        if not isinstance(value, str) or not value:
            self._problem(table, AS, f"expected the name of a tool that counts, found {_found(value)}")
            return ""
        named, problems = tool_named(value, limited, os.path.dirname(self.source.path))
        for name, (problem, advice) in problems.items():
            self._problem(table, name, problem, advice)
        return named

    def _amount(self, table: tuple[str, ...], key: str, value: Any) -> Any:
        try:
            if key == DURATION:
                return duration(value if isinstance(value, int | float) else None)
            return amount(value if isinstance(value, int | str) else None)
        except ValueError:
            expected = EXPECTED_DURATION if key == DURATION else EXPECTED
            self._problem(table, key, f"{expected}, found {_found(value)}")
            return None

    # ---- what they share ----

    def _entries(self, table: tuple[str, ...], key: str, value: Any, expected: str) -> list[tuple[str, Any]]:
        if isinstance(value, dict):
            return list(value.items())
        self._problem(table, key, f"expected {expected}, found {_found(value)}")
        return []

    def _one_of(self, table: tuple[str, ...], key: str, value: Any, known: tuple[str, ...]) -> str | None:
        if value in known:
            return str(value)
        message = f"expected one of {', '.join(known)}; found {_found(value)}"
        self._problem(table, key, message, did_you_mean(value, known))
        return None

    def _unknown(self, written: Iterable[str], known: Collection[str], table: tuple[str, ...]) -> None:
        for key in written:
            if key not in known:
                advice = did_you_mean(key, known) or f"it has {', '.join(known)}"
                where = f"[{'.'.join(table)}]" if table else "the file"
                start, end = self._place(table, key)
                message = f"{where} has no key `{key}`"
                self.problems.append(self.source.diagnostic("CC010", start, end, message, advice))

    def _problem(self, table: tuple[str, ...], key: str, message: str, advice: str = "", word: str = "") -> None:
        start, end = self._place(table, key)
        if word:
            line = self.source.line_at(self.source.line(start))[0]
            place = self.source.text.find(f'"{word}"', start, start + len(line))
            start, end = (place + 1, place + 1 + len(word)) if place >= 0 else (start, end)
        self.problems.append(self.source.diagnostic("CC011", start, end, f"{key}: {message}", advice))

    def _place(self, table: tuple[str, ...], key: str) -> tuple[int, int]:
        """Where a key is written, as far as that can be told without a parser: behind the table's header."""
        steps.spend(STEPS_OF_DIAGNOSTIC + len(self.source.text) // CHARACTERS_IN_STEP)
        place = 0
        parts = [rf"[\"']?{re.escape(name)}[\"']?" for name in table]
        for depth in range(len(table), 0, -1):
            dotted = r"[ \t]*\.[ \t]*".join(parts[:depth])
            header = re.search(rf"^[ \t]*\[[ \t]*{dotted}[ \t]*\]", self.source.text, re.MULTILINE)
            if header is not None:
                place = header.end()
                break
        names = rf"(?<![\w-])(?:\"{re.escape(key)}\"|'{re.escape(key)}'|{re.escape(key)})(?=\s*[=\].])"
        match = re.compile(names).search(self.source.text, place) or re.compile(names).search(self.source.text)
        return match.span() if match is not None else (place, place + 1)


KEYS = {
    "select": "words",
    "extend-select": "words",
    "ignore": "words",
    "per-file-ignores": "words_by_pattern",
    "severity": "severities",
    "device": "device",
    "dtype": "dtype",
    "fused": "flag",
    "batch": "count",
    "object-size": "size",
    "fail-level": "level",
    "budgets": "budgets",
}
"""What can be configured, and how it is read."""


def _found(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return shown(value) if isinstance(value, int | float | str | list) else str(value)
