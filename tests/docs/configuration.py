"""docs/CONFIGURATION.md, written from the tables of settings in server/node/settings/.

tests/docs/run compares the page with this text, and `tests/docs/run --rewrite CONFIGURATION` writes it.
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "server", "node", "settings")
# The sections in the order of known_settings() in setting_row.cc.
SECTIONS = ("Listener", "Access", "Limit", "Group", "Cluster", "Log")
PAGE = os.path.join(ROOT, "docs", "CONFIGURATION.md")

# A row begins with the name and the text, which the compiler joins from several literals.
ROW = re.compile(r'^    \{"([a-z][a-z-]*)",\s*((?:"(?:[^"\\]|\\.)*"\s*)+),', re.M)
DEFAULT = re.compile(r"^(.*\S) \[([^\[\]]*)\]$", re.S)
ENDS_THE_LIST = "\n};\n"

# A setting belongs to the first area that has a matching beginning of its name.
AREAS = (
    ("Data and listeners", ("data-dir", "pg", "kafka", "http", "access-control", "console", "registry", "auto-create")),
    ("Schema registry elsewhere", ("schema-registry",)),
    ("Memory, connections, threads", ("memory-", "state-memory", "max-connections", "superuser-reserved",
                                      "connections-max-idle", "shards", "statement-threads")),
    ("Access and TLS", ("access-file", "sasl-", "tls-", "superuser", "insecure", "connections-max-reauth")),
    ("Connectors", ("connect", "secrets-")),
    ("SQL", ("num-partitions", "read-wait", "max-queries", "max-open", "copy-atomic", "history", "processing-log", "compat")),
    ("Consumer groups", ("group-consumer", "group-initial", "group-m", "offset")),
    ("Share groups", ("group-share",)),
    ("Transactions and producers", ("transaction", "producer")),
    ("Cluster", ("cluster", "node", "etcd", "peers", "rack", "min-insync", "leader-imbalance", "replica", "scrub")),
    ("Defaults of topics", ("log-retention", "log-cleanup", "message-max")),
    ("Log lines", ("log-level",)),
    ("Other", ("",)),
)

HEAD = """# Configuration

This page lists all settings of `millrace server`, for operators. `tests/docs/run --rewrite CONFIGURATION` generates it
from the table of settings in the program's source, and a test compares them.

You can set a setting in three ways. If you set it in several ways, the first way in this table applies:

| | Example |
|---|---|
| a flag | `--memory-limit 2GB` |
| a variable: `MILLRACE_`, and the name in upper case with `_` | `MILLRACE_MEMORY_LIMIT=2GB` |
| a line of the TOML file that `--config FILE` names | `memory-limit = "2GB"` |

[millrace.toml](millrace.toml) is an example of the file. The title of a table in the file is the beginning of a name:
`cert` below `[tls]` means `tls-cert`. Kafka's spelling of its settings, such as `group.max.size`, works in the file,
too. If the file contains an unknown name, the server does not start, and an error lists all unknown names, with similar
settings. Sizes may have units (`512MB`, `8GB`).

[KAFKA.md](KAFKA.md#settings-of-a-topic) lists the settings of topics, and [settings.md](sql/settings.md) those of
statements. After `kill -HUP` the server reads the access file and the certificates again; other changes need a restart.
`SHOW PROPERTIES` lists the values that apply to statements.
"""


def settings():
    """(name, text, default) of each setting that users see."""
    for section in SECTIONS:
        with open(os.path.join(FOLDER, f"{section.lower()}_settings.cc"), encoding="utf-8") as source:
            table = source.read().split(f"k{section}Settings[] = {{", 1)[1].split(ENDS_THE_LIST, 1)[0]
        for name, literals in ROW.findall(table):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"')
            found = DEFAULT.match(text)
            if text:  # settings without a text are for tests
                yield name, *((found[1], found[2]) if found else (text, ""))


def area_of(name):
    return next(title for title, begins in AREAS if name.startswith(begins))


def page():
    rows = {title: [] for title, _ in AREAS}
    for name, text, default in settings():
        rows[area_of(name)].append(f"| `{name}` | {default} | {text} |".replace("*", "\\*"))
    lines = [HEAD]
    for title, cells in rows.items():
        if cells:
            lines += [f"## {title}", "", "| Setting | Default | |", "|---|---|---|", *cells, ""]
    return "\n".join(lines).rstrip() + "\n"


def is_current(rewrite):
    """Whether docs/CONFIGURATION.md is the text of the table; with `rewrite` it is written first."""
    if rewrite:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(page())
    with open(PAGE, encoding="utf-8") as file:
        return file.read() == page()
