"""Reads the fenced blocks of a Markdown page that tests/tutorial/run runs."""
import dataclasses
import re

FENCE = re.compile(r"^```(\S*) ?(.*)$")


@dataclasses.dataclass
class Block:
    """One fenced block: its language, the words behind the language, and the number of its first line."""
    language: str
    words: list
    line: int
    text: str = ""

    def option(self, name):
        """The value of a word like `needs=pandas`, or None."""
        return next((word.split("=", 1)[1] for word in self.words if word.startswith(name + "=")), None)


@dataclasses.dataclass
class Statement:
    """A SQL statement with the rows or the error that the page shows for it."""
    line: int
    sql: str = ""
    rows: list = dataclasses.field(default_factory=list)
    error: str | None = None

    def is_complete(self):
        return re.sub(r"--.*", "", self.sql).rstrip().endswith(";")


def read_blocks(path):
    """All blocks of the page, in order."""
    blocks, current = [], None
    with open(path, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            fence = FENCE.match(line)
            if current is not None:
                if line.rstrip() == "```":
                    blocks.append(current)
                    current = None
                else:
                    current.text += line
            elif fence:
                current = Block(fence[1], fence[2].split(), number + 1)
    if current is not None:
        raise SystemExit(f"{path}:{current.line}: the block has no end")
    return blocks


def read_statements(block):
    """The statements of a sql block. `-->` marks a row of the answer, `--!` the beginning of the error."""
    statements = []
    for number, line in enumerate(block.text.splitlines(keepends=True), block.line):
        if line.startswith("-->"):
            statements[-1].rows.append([cell.strip() for cell in line[3:].split(" | ")])
        elif line.startswith("--!"):
            statements[-1].error = line[3:].strip()
        elif line.strip():
            if not statements or statements[-1].is_complete():
                statements.append(Statement(number))
            statements[-1].sql += line
    return statements


def lines_match(wanted, seen, any_order=False):
    """Whether the printed lines are the wanted ones. `...` stands for any text in a line, alone for any lines."""
    def pattern(line):
        return re.compile(".*".join(re.escape(part) for part in line.split("...")))
    wanted = [line.rstrip() for line in wanted.splitlines() if line.strip()]
    seen = [line.rstrip() for line in seen.splitlines() if line.strip()]
    if any_order:
        left = list(seen)
        for line in wanted:
            found = next((one for one in left if pattern(line).fullmatch(one)), None)
            if found is None:
                return False
            left.remove(found)
        return not left
    return _in_order([None if line == "..." else pattern(line) for line in wanted], seen)


def _in_order(patterns, seen):
    if not patterns:
        return not seen
    if patterns[0] is None:
        return any(_in_order(patterns[1:], seen[start:]) for start in range(len(seen) + 1))
    return bool(seen) and bool(patterns[0].fullmatch(seen[0])) and _in_order(patterns[1:], seen[1:])
