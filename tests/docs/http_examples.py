"""The examples of POST /sql in docs/HTTP.md: each curl runs as printed, against a server of its own.

In a block of code, the lines after a `curl localhost:8088/sql` are its answer; `...` stands for any text.
"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "clients"))
from millrace_server import launch  # noqa: E402
from patience import patience  # noqa: E402

PAGE = "HTTP.md"
_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", PAGE)
_ADDRESS = "localhost:8088"


def _examples():
    """(number of the line, command, lines of the answer) of each example."""
    examples, is_inside = [], False
    with open(_PATH, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            line = line.rstrip("\n")
            if line.startswith("```"):
                is_inside = not is_inside
            elif is_inside and line.startswith("curl ") and f"{_ADDRESS}/sql" in line:
                examples.append((number, line, []))
            elif is_inside and examples and line[:1] in ("{", "[") and examples[-1][0] + len(examples[-1][2]) + 1 == number:
                examples[-1][2].append(line)
    return examples


def _fits(wanted, line):
    return re.fullmatch(".*".join(re.escape(part) for part in wanted.split("...")), line) is not None


def run_page():
    """Runs the examples of the page. Returns complaints, and the number of examples."""
    complaints, examples = [], _examples()
    server = launch()
    try:
        for number, command, wanted in examples:
            answer = subprocess.run(["bash", "-c", command.replace("curl ", "curl -sS ", 1).replace(_ADDRESS, server.http)],
                                    capture_output=True, text=True, timeout=patience(60), check=False)
            lines = answer.stdout.splitlines()
            if len(lines) != len(wanted) or not all(map(_fits, wanted, lines)):
                complaints.append(f"{PAGE}:{number}: gave\n    " + "\n    ".join(lines) + answer.stderr)
    finally:
        server.stop()
    return complaints, len(examples)
