"""YAML text to a tree with positions: scalars of the YAML 1.2 core schema, text keys only, no duplicates, bounded size.

Source of the scalar forms: YAML 1.2.2, section 10.3.2 (tag resolution of the core schema).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn

import yaml

from monitorbench.errors import Mistake
from monitorbench.suite.tree import Node, Place, Scalar
from monitorbench.suite.words import quoted, shortened

MAX_DEPTH = 32
MAX_NODES = 10_000
"""Values of a suite, counted after its aliases are written out."""
MAX_INTEGER = 2**63 - 1

TAG = "tag:yaml.org,2002:"
FORMS = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
    ),
}
"""Plain scalars that are not text, in the order in which they are tried."""
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+\Z")
SURROGATE = re.compile("[\ud800-\udfff]")

SYNTAX = (
    (r"but found another document", "a second document starts here", "keep one suite in each file"),
    (
        r"mapping values are not allowed here",
        "a `:` where no key can stand",
        "mend the indentation, or put text that holds `: ` in quotes",
    ),
    (r"expected <block end>", "this line does not fit those above it", "indent it as its neighbours are"),
    (r"expected ',' or '[]}]'", "a `{` or `[` before this is not closed", "close it, or put a `,` before this"),
    (r"could not find expected ':'", "a key without `:`", "write `key: value`"),
    (
        r"found undefined alias",
        "`*` starts an alias of a value that has no anchor",
        "put text that starts with `*` in quotes",
    ),
    (r"found character .* that cannot start", "no text starts with this character", "put the text in quotes"),
    (r"found unexpected end of stream", "a quote before this is not closed", "close it"),
    (r"nested more than", f"nested more than {MAX_DEPTH} deep", "write it flatter"),
    (r"more than", f"more than {MAX_NODES:,} values", "write a smaller file"),
)
"""Problems of the YAML parser that have clearer words, by how they start."""


class Yaml12Loader(yaml.SafeLoader):
    """PyYAML's loader with the scalars of YAML 1.2 and a bound on nesting."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's interface
    depth = 0
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, refusing what is nested too deep before Python's own stack ends, and what is too much."""
        self.count += 1
        if self.depth == MAX_DEPTH:
            self.refuse(f"nested more than {MAX_DEPTH} deep")
        if self.count > 2 * MAX_NODES:  # keys are nodes, too
            self.refuse(f"more than {MAX_NODES:,} values")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def refuse(self, problem: str) -> NoReturn:
        """Read no further than here."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it untyped
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


for _kind, _form in FORMS.items():
    Yaml12Loader.add_implicit_resolver(TAG + _kind, _form, None)


def parse(text: str, file: str) -> tuple[Node | None, list[Mistake]]:
    """Read one YAML document.

    Args:
        text: the document.
        file: what its positions call the file.

    Returns:
        The tree, None where there is none to read, and every mistake found on the way.
    """
    try:
        loader = Yaml12Loader(text)
    except yaml.reader.ReaderError as error:
        place = place_of(text, error.position, file)
        return None, [
            place.mistake(f"the character U+{ord(text[error.position]):04X} is not allowed in YAML", "remove it")
        ]
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        return None, [_syntax_mistake(error, text, file)]
    except (ValueError, OverflowError):
        # PyYAML turns escapes and directives into numbers unchecked: "\UFFFFFFFF" is no character.
        place = Place(file=file, line=loader.line + 1, column=loader.column + 1)
        return None, [place.mistake("not YAML: an escape or a directive holds an impossible number", "remove it")]
    if root is None:
        return None, [Place(file=file).mistake("the file is empty", "write a suite in it")]
    builder = _Builder(file=file)
    try:
        return builder.build(root), builder.mistakes
    except _Refused:
        return None, builder.mistakes


def place_of(text: str, offset: int, file: str) -> Place:
    """The line and column of a character offset."""
    before = text[:offset]
    return Place(file=file, line=before.count("\n") + 1, column=offset - before.rfind("\n"))


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Place(file=file).mistake(f"not YAML: {error.problem}")
    line = [*text.splitlines(), ""][min(mark.line, len(text.splitlines()))]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        place = Place(file=file, line=mark.line + 1, column=indent.index("\t") + 1)
        return place.mistake("a tab is used for indentation", "use spaces")
    problem = error.problem or ""
    unknown = (f"not YAML: {problem}", "mend this line or the one above it")
    what, fix = next(((what, fix) for start, what, fix in SYNTAX if re.match(start, problem)), unknown)
    return Place(file=file, line=mark.line + 1, column=mark.column + 1).mistake(what, fix)


class _Refused(Exception):  # noqa: N818  # never seen outside: it ends the building of a tree whose mistake is recorded
    pass


@dataclass(kw_only=True, slots=True)
class _Builder:
    """Turns PyYAML's nodes, in which aliases share nodes, into a tree."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)
    count: int = 0
    open: list[yaml.Node] = field(default_factory=list)

    def build(self, node: yaml.Node) -> Node:
        place = self.place(node)
        self.count += 1
        if self.count > MAX_NODES:
            self.refuse(place, f"more than {MAX_NODES:,} values once aliases are written out", "write a smaller file")
        if any(node is outer for outer in self.open):
            self.refuse(place, "an alias stands inside what it repeats", "remove the alias")
        if len(self.open) == MAX_DEPTH:
            self.refuse(place, f"nested more than {MAX_DEPTH} deep once aliases are written out", "remove aliases")
        self.open.append(node)
        built = self.content(node, place)
        self.open.pop()
        return built

    def content(self, node: yaml.Node, place: Place) -> Node:
        if isinstance(node, yaml.ScalarNode):
            return Node(value=self.scalar(node, place), place=place)
        if node.tag not in (TAG + "map", TAG + "seq"):
            self.refuse_tag(node, place)
        if isinstance(node, yaml.MappingNode):
            return Node(value=self.mapping(node), place=place)
        return Node(value=tuple(self.build(item) for item in node.value), place=place)

    def mapping(self, node: yaml.MappingNode) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for key_node, value_node in node.value:
            place = self.place(key_node)
            value = replace(self.build(value_node), key_place=place)
            key = self.key(key_node, place)
            if key is None:
                continue
            first = entries.setdefault(key, value).key_place
            if first is not None and first != place:
                self.add(place, f"duplicate key {quoted(key)}, first given in line {first.line}", "remove one of them")
        return entries

    def key(self, node: yaml.Node, place: Place) -> str | None:
        """A key, or None with its mistake recorded."""
        if not isinstance(node, yaml.ScalarNode):
            kind = "mapping" if isinstance(node, yaml.MappingNode) else "list"
            self.add(place, f"a {kind} cannot be a key", "use text as the key")
        elif node.tag != TAG + "str":
            self.add(place, f"the key {quoted(node.value)} is not text", "put it in quotes")
        elif node.value == "<<" and node.style is None:
            self.add(place, "merge keys (`<<`) are not part of YAML 1.2", "write the merged keys out")
        else:
            return self.text(node, place)
        return None

    def scalar(self, node: yaml.ScalarNode, place: Place) -> Scalar:
        kind = node.tag.removeprefix(TAG)
        if kind == "str":
            return self.text(node, place)
        if kind not in FORMS or not FORMS[kind].match(node.value):
            self.refuse_tag(node, place)
        if kind == "int":
            return self.integer(node.value, place)
        if kind == "float":
            return _float(node.value)
        return None if kind == "null" else bool(node.value.lower() == "true")

    def integer(self, text: str, place: Place) -> int:
        value = int(text, 0 if text[:2] in ("0o", "0x") else 10) if len(text) <= 30 else MAX_INTEGER + 1
        if abs(value) > MAX_INTEGER:
            self.add(place, f"the number {shortened(text)} is too large", "write a number of at most 18 digits")
            return 0
        if LEADING_ZERO.match(text):
            what = f"{quoted(text)} has a leading zero, which readers of YAML 1.1 take for an octal number"
            self.add(place, what, f"write {value}, or '{text}' for text")
        return value

    def text(self, node: yaml.ScalarNode, place: Place) -> str:
        text = str(node.value)
        if SURROGATE.search(text):
            self.add(place, "the text holds half of a surrogate pair", "write the character itself")
            return SURROGATE.sub("?", text)
        return text

    def place(self, node: yaml.Node) -> Place:
        return Place(file=self.file, line=node.start_mark.line + 1, column=node.start_mark.column + 1)

    def add(self, place: Place, what: str, fix: str) -> None:
        self.mistakes.append(place.mistake(what, fix))

    def refuse_tag(self, node: yaml.Node, place: Place) -> NoReturn:
        tag = node.tag.replace(TAG, "!!")
        self.refuse(place, f"the tag {quoted(tag)} does not fit here", "remove it")

    def refuse(self, place: Place, what: str, fix: str) -> NoReturn:
        self.add(place, what, fix)
        raise _Refused


def _float(text: str) -> float:
    return float(text.replace(".", "", 1) if text.lower().lstrip("+-") in (".inf", ".nan") else text)
