"""Tokens of a statement and a cursor over them that takes exactly what the grammar names."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
  | (?P<quoted>`(?:[^`]|``)+`)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark>[^\s])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
"""What a backslash makes of a letter; any other sign stands for itself."""


class Failed(Exception):  # noqa: N818  # the outcome of a statement, not an error of this program
    """A statement fails: the message that its status carries."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A piece of a statement and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """What a string or an identifier says."""
        if self.kind == "string":
            plain = self.text[1:-1].replace("''", "'")
            return re.sub(
                r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), plain, flags=re.DOTALL
            )
        return self.text[1:-1].replace("``", "`") if self.kind == "quoted" else self.text


def tokens(sql: str) -> list[Token]:
    """Tokens of a statement; an unclosed quote is a mark that no grammar takes."""
    found = []
    for match in _TOKEN.finditer(sql):
        if match.lastgroup != "space":
            start, end = match.span()
            found.append(Token(kind=match.lastgroup, text=match.group(), start=start, end=end))
    return found


class Cursor:
    """Reads a statement from the left."""

    def __init__(self, sql: str):
        self.sql = sql
        self.tokens = tokens(sql)
        while self.tokens and self.tokens[-1].text == ";":
            self.tokens.pop()
        self.at = 0

    def failed(self) -> Failed:
        """Return the syntax error at the token that is next."""
        found = self.peek()
        near = f"'{found.text}'" if found else "end of input"
        where = found.start if found else len(self.sql)
        message = f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near}. SQLSTATE: 42601"
        return Failed(f"{message} (line 1, pos {where})")

    def peek(self, ahead: int = 0) -> Token | None:
        """Return the token that comes, without taking it."""
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def sees(self, words: str) -> bool:
        """Whether these words (or marks) come next."""
        for ahead, word in enumerate(words.split()):
            found = self.peek(ahead)
            if found is None or found.kind in ("string", "quoted") or found.text.upper() != word:
                return False
        return True

    def eat(self, words: str) -> bool:
        """Take these words if they come next."""
        if not self.sees(words):
            return False
        self.at += len(words.split())
        return True

    def need(self, words: str) -> None:
        """Take these words, or fail."""
        if not self.eat(words):
            raise self.failed()

    def one_of(self, *choices: str) -> str:
        """Take the first of the choices that comes next, or fail."""
        for words in choices:
            if self.eat(words):
                return words
        raise self.failed()

    def end(self) -> None:
        """Fail unless the statement is over."""
        if self.peek() is not None:
            raise self.failed()

    def identifier(self) -> str:
        """Take one part of a name."""
        found = self.peek()
        if found is None or found.kind not in ("word", "quoted"):
            raise self.failed()
        self.at += 1
        return found.value

    def name(self, least: int = 1, most: int = 3) -> list[str]:
        """Take a dotted name of so many parts."""
        parts = [self.identifier()]
        while self.eat("."):
            parts.append(self.identifier())
        if not least <= len(parts) <= most:
            raise Failed(
                "[PARSE_SYNTAX_ERROR] A name of "
                f"{least} to {most} parts was expected, found '{'.'.join(parts)}'. SQLSTATE: 42601"
            )
        return parts

    def string(self) -> str:
        """Take a string literal."""
        found = self.peek()
        if found is None or found.kind != "string":
            raise self.failed()
        self.at += 1
        return found.value

    def pairs(self) -> dict[str, str]:
        """Take `('key' = 'value', ...)`; a key alone has an empty value."""
        found = {}
        self.need("(")
        while True:
            key = self.key()
            found[key] = self.value() if self.eat("=") else ""
            if self.eat(")"):
                return found
            self.need(",")

    def value(self) -> str:
        """Take a literal: a string, a number, or true or false."""
        found = self.peek()
        if found and (found.kind == "number" or found.text.lower() in ("true", "false")):
            self.at += 1
            return found.text.lower()
        return self.string()

    def key(self) -> str:
        """Take a key: a string, or words with dots."""
        found = self.peek()
        return self.string() if found and found.kind == "string" else ".".join(self.name(1, 9))

    def keys(self) -> list[str]:
        """Take `('key', ...)`."""
        found = []
        self.need("(")
        while True:
            found.append(self.key())
            if self.eat(")"):
                return found
            self.need(",")

    def until(self, *words: str) -> str:
        """Take text up to one of the words, a comma or a closing bracket at its own level."""
        first, depth = self.peek(), 0
        if first is None:
            raise self.failed()
        last = None
        while (found := self.peek()) is not None:
            if depth == 0 and (found.text in (",", ")") or any(self.sees(word) for word in words)):
                break
            depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(found.text, 0)
            last = found
            self.at += 1
        if last is None:
            raise self.failed()
        return self.sql[first.start : last.end]

    def rest(self) -> str:
        """Take everything that is left, as it was written."""
        first = self.peek()
        if first is None:
            raise self.failed()
        last = self.tokens[-1]
        self.at = len(self.tokens)
        return self.sql[first.start : last.end]

    def names(self) -> list[str]:
        """Take `(name, ...)`, also empty."""
        found = []
        self.need("(")
        while not self.eat(")"):
            if found:
                self.need(",")
            found.append(self.identifier())
        return found

    def clauses(self, **readers) -> dict:
        """Take clauses in any order, each at most once; the statement ends after them."""
        found = {}
        while self.peek() is not None:
            for words, reader in readers.items():
                if words not in found and self.eat(words.replace("_", " ")):
                    found[words] = reader(self)
                    break
            else:
                raise self.failed()
        return found
