"""Protobuf's text format: messages of fields, whatever they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

from convcalc import steps
from convcalc.fields import LARGEST
from convcalc.imports.errors import CannotImport, brief, plain

MOST_BYTES = 1 << 24
"""Of a description; the largest known have some hundred thousand."""

_DEEPEST = 32
"""Messages within messages; those of a network go 4 deep."""

_TOKENS = 3
"""Steps that a token takes, and what stands between two."""

_TOKEN = re.compile(
    r"""
    (?P<space>(?:[\s,;]|\#[^\n]*)+)
    | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<word>[-+]?\s*[A-Za-z0-9_.][\w.+-]*)
    | (?P<mark>[{}<>\[\]:])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|[xX][0-9A-Fa-f]{1,2}|.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_TRUE, _FALSE = {"true", "True", "t", "1"}, {"false", "False", "f", "0"}


class FieldValue(NamedTuple):
    """A number, a word or a text, as it is written, and on which line."""

    text: str
    line: int
    is_quoted: bool = False


class TextMessage:
    """Fields by name, each with all its values in order; to read one that can have one value alone checks that."""

    __slots__ = ("fields", "line")

    def __init__(self, line: int = 1, fields: dict[str, list[FieldValue | TextMessage]] | None = None) -> None:
        self.line = line
        self.fields: dict[str, list[FieldValue | TextMessage]] = {} if fields is None else fields

    def has(self, name: str) -> bool:
        """Whether the field is there at all."""
        return name in self.fields

    def scalars(self, name: str) -> list[FieldValue]:
        """All values of a field that holds no messages."""
        values = self.fields.get(name, [])
        for value in values:
            if isinstance(value, TextMessage):
                raise CannotImport(f"line {value.line}: {name} is a message, where a value was expected")
        return values  # type: ignore[return-value]  # no message is among them

    def messages(self, name: str) -> list[TextMessage]:
        """All messages of a field."""
        values = self.fields.get(name, [])
        for value in values:
            if isinstance(value, FieldValue):
                raise CannotImport(f"line {value.line}: {name} is `{_shown(value)}`, where a message was expected")
        return values  # type: ignore[return-value]  # no scalar is among them

    def message(self, name: str) -> TextMessage:
        """The message of a field; an empty one where there is none."""
        messages = self.messages(name)
        _check_once(name, messages)
        return messages[0] if messages else TextMessage(self.line)

    def scalar(self, name: str) -> FieldValue | None:
        """The value of a field that has one, None where it is left out."""
        values = self.scalars(name)
        _check_once(name, values)
        return values[0] if values else None

    def text(self, name: str, default: str = "") -> str:
        """A text or a word."""
        value = self.scalar(name)
        return default if value is None else value.text

    def texts(self, name: str) -> list[str]:
        """All of a field that may stand there several times."""
        return [value.text for value in self.scalars(name)]

    def wholes(self, name: str, least: int = 0) -> list[int]:
        """All whole numbers of a field."""
        return [_whole(name, value, least) for value in self.scalars(name)]

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """A whole number."""
        value = self.scalar(name)
        return default if value is None else _whole(name, value, least)

    def real(self, name: str, default: float) -> float:
        """A number."""
        value = self.scalar(name)
        return default if value is None else _real(name, value)

    def reals(self, name: str) -> list[float]:
        """All numbers of a field."""
        return [_real(name, value) for value in self.scalars(name)]

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.scalar(name)
        if value is None:
            return default
        if value.text not in _TRUE | _FALSE:
            raise CannotImport(f"line {value.line}: {name} is `{_shown(value)}`; expected true or false")
        return value.text in _TRUE

    def choice(self, name: str, options: tuple[str, ...]) -> str:
        """One of the words that a field may have, the first where it is left out; a number is its place among them."""
        value = self.scalar(name)
        if value is None:
            return options[0]
        text = value.text
        if text.isdecimal() and len(text) < 3 and int(text) < len(options):
            return options[int(text)]
        if text not in options:
            expected = ", ".join(options)
            raise CannotImport(f"line {value.line}: {name} is `{_shown(value)}`; expected {expected}")
        return text


def _check_once(name: str, values: Sequence[FieldValue | TextMessage]) -> None:
    """Raise where a field stands several times that a message has once, as Caffe's own parser does."""
    if len(values) > 1:
        raise CannotImport(
            f"line {values[1].line}: {name} stands here and on line {values[0].line}, in one message that has it once; "
            "Caffe refuses that: leave out the one that is wrong"
        )


def _shown(value: FieldValue) -> str:
    return plain(brief(value.text, 60))


def _whole(name: str, value: FieldValue, least: int) -> int:
    text = value.text.replace(" ", "")
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text)
    number = None
    if not value.is_quoted and len(digits) < 30:
        if digits.isdecimal() and digits.isascii():
            number = sign * int(digits, 8 if digits[0] == "0" and not set(digits) & {"8", "9"} else 10)
        elif re.fullmatch("0[xX][0-9A-Fa-f]+", digits):
            number = sign * int(digits, 16)
    if number is None or not least <= number <= LARGEST:
        bound = f"a whole number from {least}" if least > -LARGEST else "a whole number"
        raise CannotImport(f"line {value.line}: {name} is `{_shown(value)}`; expected {bound}")
    return number


def _real(name: str, value: FieldValue) -> float:
    text = value.text.replace(" ", "").lower()
    try:
        number = float(text[:-1] if text.endswith("f") and not text.endswith("inf") else text)
    except ValueError:
        number = float("nan")
    if value.is_quoted or not isfinite(number):
        raise CannotImport(f"line {value.line}: {name} is `{_shown(value)}`; expected a number")
    return number


class _Token(NamedTuple):
    sort: str
    text: str
    line: int


def parsed(text: str) -> TextMessage:
    """The message of all fields at the top."""
    tokens = _Tokens(text)
    top = TextMessage()
    open_messages: list[tuple[TextMessage, str]] = [(top, "")]
    while (token := tokens.next()) is not None:
        message, closing = open_messages[-1]
        if token.sort == "mark" and token.text == closing:
            open_messages.pop()
            continue
        if token.sort != "word" or not token.text.isidentifier():
            raise _unexpected(token, f"the name of a field{f' or {closing}' if closing else ''}")
        values = message.fields.setdefault(token.text, [])
        has_colon = tokens.take(":")
        if (opened := tokens.take("{", "<")) is not None:
            inner = TextMessage(opened.line)
            values.append(inner)
            open_messages.append((inner, "}" if opened.text == "{" else ">"))
            if len(open_messages) > _DEEPEST:
                raise CannotImport(f"line {opened.line}: messages within messages, more than {_DEEPEST} deep")
        elif has_colon is None:
            raise _unexpected(tokens.next(), f"`:` or `{{` behind {token.text}", tokens.line)
        elif tokens.take("["):
            values += _list(tokens)
        else:
            values.append(tokens.scalar())
    if len(open_messages) > 1:
        opened_at = open_messages[-1][0].line
        raise CannotImport(f"the file ends within the message that begins at line {opened_at}: it is cut off")
    return top


def _list(tokens: _Tokens) -> Iterator[FieldValue | TextMessage]:
    """What stands between brackets, their end among it; lists of messages are in no network."""
    while not tokens.take("]"):
        yield tokens.scalar()


class _Tokens:
    """The tokens of a text one by one, white space and comments left out."""

    def __init__(self, text: str) -> None:
        self._text, self._place, self.line = text, 0, 1
        self._waiting: _Token | None = None

    def next(self) -> _Token | None:
        """The next token; None at the end."""
        if self._waiting is not None:
            token, self._waiting = self._waiting, None
            return token
        while self._place < len(self._text):
            steps.spend(_TOKENS)
            match = _TOKEN.match(self._text, self._place)
            if match is None:
                rest = self._text[self._place : self._place + 20].partition("\n")[0]
                raise CannotImport(f"line {self.line}: `{plain(rest)}` is nothing that a prototxt can hold here")
            line, text = self.line, match[0]
            self._place = match.end()
            self.line += text.count("\n")
            if match.lastgroup != "space":
                return _Token(match.lastgroup or "", text, line)
        return None

    def take(self, *marks: str) -> _Token | None:
        """The next token if it is one of these marks; else it stays."""
        token = self.next()
        if token is not None and token.sort == "mark" and token.text in marks:
            return token
        self._waiting = token
        return None

    def scalar(self) -> FieldValue:
        """A number, a word, or texts, which are one where several stand side by side."""
        token = self.next()
        if token is None or token.sort == "mark":
            raise _unexpected(token, "a value", self.line)
        if token.sort == "word":
            return FieldValue(token.text, token.line)
        parts = [token.text]
        while (more := self.next()) is not None and more.sort == "text":
            parts.append(more.text)
        self._waiting = more
        return FieldValue("".join(_ESCAPE.sub(_unescaped, part[1:-1]) for part in parts), token.line, is_quoted=True)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xX" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code.isdecimal() and code.isascii() and set(code) <= set("01234567"):
        return chr(int(code, 8))
    return _ESCAPED.get(code, code)


def _unexpected(token: _Token | None, expected: str, line: int = 0) -> CannotImport:
    if token is None:
        return CannotImport(f"line {line}: the file ends where {expected} was expected")
    return CannotImport(f"line {token.line}: `{plain(brief(token.text, 60))}`, where {expected} was expected")
