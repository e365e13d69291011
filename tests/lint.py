#!/usr/bin/env python3
"""Checks that the compiler does not make: includes between folders, names of files in the documents, plain English.

Prints one line for each finding; exit status 1 when there is one. ./dev lint calls it.
"""
import os
import re
import subprocess
import sys

import plain

# The allowed includes of each module: itself and the listed modules, and no other module of Millrace.
TYPES = ['engine/types']
LANGUAGE = TYPES + ['engine/java', 'engine/sql', 'engine/functions', 'engine/formats']
PLAN = LANGUAGE + ['engine/registry', 'engine/json', 'engine/expr', 'engine/catalog', 'engine/plan']
RUN = PLAN + ['engine/exec', 'engine/state', 'engine/ivm', 'engine/query']
STORAGE = ['storage/kv', 'storage/log', 'storage/replica', 'storage/meta', 'storage/state']
METADATA = RUN + STORAGE + ['engine/system_tables', 'server/auth', 'base', 'records']
TASKS = METADATA + ['server/metadata', 'server/net']
SQL = TASKS + ['server/tasks', 'server/locks']
ARROWS = {
    'base': [],
    'records': ['base'],
    'grammar': ['base'],
    'engine/types': ['base', 'records'],
    'engine/java': TYPES + ['base'],
    'engine/sql': TYPES + ['base', 'records', 'grammar'],
    'engine/pgsql': TYPES + ['engine/sql', 'base', 'records'],
    'engine/functions': LANGUAGE + ['base', 'records'],
    'engine/formats': LANGUAGE + ['base', 'records'],
    'engine/registry': LANGUAGE + ['base', 'records'],
    'engine/json': LANGUAGE + ['base', 'records'],
    'engine/expr': LANGUAGE + ['engine/json', 'base', 'records'],
    'engine/catalog': LANGUAGE + ['engine/json', 'base', 'records'],
    'engine/plan': PLAN + ['base', 'records'],
    'engine/connect': TYPES + ['engine/java', 'engine/formats', 'base', 'records'],
    'engine/state': PLAN + ['base', 'records'],
    'engine/ivm': PLAN + ['engine/state', 'base', 'records'],
    'engine/exec': PLAN + ['engine/state', 'engine/ivm', 'base', 'records'],
    'engine/query': PLAN + ['engine/state', 'engine/ivm', 'engine/exec', 'base', 'records'],
    'engine/system_tables': PLAN + ['engine/ivm', 'engine/query', 'base', 'records'],
    'engine/testing': RUN + ['base', 'records'],
    'storage/kv': ['base', 'records'],
    'storage/log': ['storage/kv', 'base', 'records'],
    'storage/replica': ['storage/meta', 'storage/log', 'storage/kv', 'base', 'records'],
    'storage/meta': ['storage/log', 'storage/kv', 'base', 'records'],
    'storage/state': ['storage/kv', 'base', 'records'],
    'server/net': ['base'],
    'server/locks': ['base'],
    'server/auth': ['server/net', 'base'],
    # server/metadata parses the SELECT of a view when it applies the definition of the view.
    'server/metadata': METADATA + ['engine/pgsql'],
    'server/tasks': TASKS,
    'server/sql': SQL + ['engine/connect', 'server/connect', 'server/links'],
    'server/coordinator': STORAGE + ['base', 'records'],
    'server/pg': LANGUAGE + ['engine/pgsql', 'server/sql', 'server/locks', 'server/net', 'server/auth', 'base'],
    'server/kafka': STORAGE + ['server/coordinator', 'server/net', 'server/auth', 'base', 'records'],
    'server/http': LANGUAGE + ['engine/registry', 'engine/json', 'engine/connect', 'engine/system_tables', 'server/connect', 'server/sql', 'server/kafka', 'server/net', 'server/auth', 'base', 'records'],
    'server/http_client': ['base'],
    'server/connect': METADATA + ['engine/connect', 'server/metadata', 'server/http_client', 'server/net'],
    # A client of other Kafka clusters uses the messages of the protocol; it does not know links.
    'server/kafka_client': ['server/kafka', 'server/net', 'server/auth', 'base', 'records'],
    'server/links': ['engine/connect', 'storage/meta', 'server/connect', 'server/kafka', 'server/kafka_client', 'server/net', 'base'],
    'server/registry': LANGUAGE + ['engine/registry', 'engine/json', 'server/http_client', 'base'],
    'server/etcd': STORAGE + ['server/http_client', 'base'],
    'server/cluster': STORAGE + ['server/coordinator', 'server/http_client', 'server/etcd', 'server/kafka', 'server/locks', 'server/net', 'server/auth', 'base', 'records'],
    'server/join': TASKS + ['server/tasks', 'server/etcd', 'server/coordinator'],
    'client': ['base', 'records'],
    # server/node puts everything together.
}
# A library with concepts of its own is included in one folder only. The first matching entry counts: OpenSSL's digests
# are allowed for SQL functions too, its other headers are not. The command line is a client, and includes nothing of
# the server.
HOMES = {'lmdb.h': ['storage/kv'], 'uv.h': ['server/net'],
         'openssl/evp.h': ['server/net', 'server/auth', 'engine/functions', 'client'],
         'openssl/': ['server/net', 'server/auth', 'client'],
         'antlr4-runtime': ['grammar', 'engine/sql'], 'librdkafka/': ['client'], 'libpq-fe.h': ['client', 'server/connect'], 'histedit.h': ['client'],
         'pg_query': ['engine/pgsql'], 'curl/': ['server/http_client'],
         'http_parser.h': ['server/http'], 'nghttp2/': ['server/http'], 'google/protobuf/': ['engine/formats']}
TOPS = ('base', 'records', 'grammar', 'engine', 'storage', 'server', 'client')
INCLUDE = re.compile(r'\s*#\s*include\s+["<]([^">]+)[">]')
EMPTIED = re.compile(r'^\s*\w+ = (\{\}|std::string\(\));')
CHARGE_ENDS = re.compile(r'charge\w*\.resize\(0\);|unsent_\.resize\(0\);')
OVER_A_SNAPSHOT = re.compile(r'for \([^;]*: [\w.>*-]*\b(image_?|cluster|snapshot|topics|view)\(\)(->|\.\w+\.)')


# WHERE_IT_RUNS finds code that asks whether this server is part of a cluster. Outside server/cluster such code calls an
# interface instead, which a lone node implements, too (docs/adr/0128).
OF_CLUSTER = r'(?:\w+(?:\(\))?(?:\.|->))*\bcluster_?(?:\(\))?'
WHERE_IT_RUNS = re.compile(
    rf'\bis_in_cluster|\bcluster_?(?:\(\))? *[!=]= *nullptr|\bcluster_?(?:\(\))? \?'
    rf'|\b(?:if|while) \(!?{OF_CLUSTER}(?:\)| &&| \|\|)|!{OF_CLUSTER}(?!\.|->|[(\w])'
    rf'|(?:&&|\|\|) !?{OF_CLUSTER}(?:\)|;| &&| \|\|)|(?:\(|return |= ){OF_CLUSTER} (?:&&|\|\|)'
    rf'|\bview_?(?: = |\(){OF_CLUSTER}(?<=\))')
CLUSTER_CHECKS = 'tests/cluster_checks.txt'


def module(path):
    parts = os.path.dirname(path).split('/')
    return '/'.join(parts[:2]) if parts[0] in ('engine', 'storage', 'server') else parts[0]


def against_an_arrow(path, included):
    """The reason why `path` must not include it, or None."""
    mine, other = module(path), module(included)
    homes = next((homes for header, homes in HOMES.items() if included.startswith(header)), None)
    if homes and mine not in homes:
        return f'<{included}> is for {" and ".join(homes)}'
    if mine not in ARROWS or other == mine or other.split('/')[0] not in TOPS:
        return None
    return None if other in ARROWS[mine] else f'{mine} does not know {other}'


def check_includes(files):
    for path in files:
        if not path.endswith(('.cc', '.h')) or not path.startswith(TOPS):
            continue
        with open(path, encoding='utf-8') as source:
            for number, line in enumerate(source, 1):
                included = INCLUDE.match(line)
                why = included and against_an_arrow(path, included.group(1))
                if why:
                    yield f'{path}:{number}: {why}'


def check_documents(files):
    """Links must have a target, and names of files and folders in back quotes must exist."""
    known = set(files) | {folder for path in files for folder in folders_of(path)}
    for path in files:
        if not path.endswith('.md'):
            continue
        with open(path, encoding='utf-8') as document:
            for number, line in enumerate(document, 1):
                for target in re.findall(r'\]\(([^)#]+)[^)]*\)', line):
                    place = os.path.normpath(os.path.join(os.path.dirname(path), target))
                    if '://' not in target and place not in known:
                        yield f'{path}:{number}: the link {target} leads nowhere'
                for name in re.findall(r'`([a-z_.]+/[a-z_./0-9-]*)`', line):
                    is_ours = name.split('/')[0] in TOPS + ('tests', 'docs', 'demo')
                    if is_ours and name.rstrip('/') not in known:
                        yield f'{path}:{number}: there is no {name}'


# Rules for the files of the console, which its content security policy requires
# (server/http/console/console_pages.cc). Each rule is a pattern and the reason why a match is wrong.
CONSOLE = 'server/http/console/site/'
CONSOLE_LINES, CONSOLE_COLUMNS = 300, 100
CONSOLE_RULES = [(re.compile(pattern), fault) for pattern, fault in (
    (r'\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML)\b', 'data reaches the page as text nodes only'),
    (r'\beval\(|\bnew Function\(|\bset(?:Timeout|Interval)\([\'"`]', 'texts are never run as scripts'),
    (r'\bstyle=|setAttribute\([\'"]style', 'the policy forbids style attributes; use classes or style.setProperty()'),
    (r'(?<!\w)on[a-z]+="', 'the policy forbids inline handlers; use addEventListener()'),
    (r'\bexport default\b', 'modules export names'),
    (r'(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z]{2,}[/\'"`)]', 'the page fetches nothing from outside'),
)]


def check_console(files):
    """Modules of the console are short, checked by types, and cannot violate the content security policy."""
    for path in files:
        if not path.startswith(CONSOLE) or not path.endswith(('.js', '.css', '.html', '.svg')):
            continue
        with open(path, encoding='utf-8') as file:
            lines = file.read().split('\n')
        if path.endswith('.js'):
            if len(lines) - 1 > CONSOLE_LINES:
                yield f'{path}: {len(lines) - 1} lines, the limit is {CONSOLE_LINES}'
            if lines[0] != '// @ts-check':
                yield f'{path}:1: the first line is not // @ts-check'
        for number, line in enumerate(lines, 1):
            if len(line) > CONSOLE_COLUMNS and path.endswith(('.js', '.css')):
                yield f'{path}:{number}: {len(line)} columns, the limit is {CONSOLE_COLUMNS}'
            for regex, fault in CONSOLE_RULES:
                if regex.search(line):
                    yield f'{path}:{number}: {fault}'
            is_core = path.startswith(CONSOLE + 'core/')
            if path.endswith('.js') and not is_core and re.search(r'\bfetch\(|XMLHttpRequest|WebSocket|EventSource', line):
                yield f'{path}:{number}: only core/ sends requests'


def check_loops(files):
    """A loop over the contents of a snapshot must hold the snapshot: in C++20 the temporary that a function returns
    is destroyed before the first iteration, and the object that it pointed to may be replaced meanwhile."""
    for path in files:
        if path.endswith(('.cc', '.h')):
            with open(path, encoding='utf-8') as source:
                for number, line in enumerate(source, 1):
                    if OVER_A_SNAPSHOT.search(line):
                        yield f'{path}:{number}: the snapshot is gone while the loop reads it; give it a name'


def check_charges(files):
    """A buffer is freed where its charge ends: `text = {}` keeps the capacity of a string or vector, and no account would
    hold this memory."""
    for path in files:
        if not path.endswith(('.cc', '.h')):
            continue
        with open(path, encoding='utf-8') as source:
            lines = source.read().splitlines()
        for at, line in enumerate(lines):
            if EMPTIED.search(line) and any(CHARGE_ENDS.search(near) for near in lines[max(at - 2, 0):at + 4]):
                yield f'{path}:{at + 1}: the buffer keeps its capacity after its charge has ended; call free_memory()'


def entries(text):
    """Lines of a list without its remarks."""
    return {' '.join(line.split('#')[0].split()) for line in text.splitlines()} - {''}


def check_shrinking_lists():
    """Lists of accepted failures may only become shorter."""
    for path in ('tests/flaky.txt', 'tests/conformance/known_failures_reports.txt', CLUSTER_CHECKS):
        yield from plain.check_shrinks(path, lambda text: dict.fromkeys(entries(text), 1))


def check_ports(files):
    """A null pointer may not stand for a node without a cluster, except in the lines of a list."""
    with open(CLUSTER_CHECKS, encoding='utf-8') as listing:
        unused = entries(listing.read())
    allowed = set(unused)
    for path in files:
        if not path.startswith(('engine/', 'server/', 'storage/')) or path.startswith('server/cluster/') \
                or not path.endswith(('.cc', '.h')):
            continue
        with open(path, encoding='utf-8') as source:
            for number, line in enumerate(source, 1):
                code = line.split('//')[0]
                if not WHERE_IT_RUNS.search(code):
                    continue
                entry = f'{path} {" ".join(code.split())}'
                unused.discard(entry)
                if entry not in allowed:
                    yield f'{path}:{number}: ask the port (ClusterFacts, ClusterTopics, KafkaPart, Peers), not for a cluster'
    for entry in sorted(unused):
        yield f'{CLUSTER_CHECKS}: "{entry}" is no longer in the code; remove it from the list'


def folders_of(path):
    while path := os.path.dirname(path):
        yield path


def main():
    listing = subprocess.run(['git', 'ls-files', '--cached', '--others', '--exclude-standard'],
                             capture_output=True, text=True, check=True)
    files = [path for path in listing.stdout.splitlines() if os.path.isfile(path)]
    findings = [*check_includes(files), *check_documents(files), *check_loops(files), *check_ports(files), *check_charges(files),
                *check_console(files), *check_shrinking_lists(),
                *plain.check(files)]
    print('\n'.join(findings), end='\n' if findings else '')
    return 1 if findings else 0


sys.exit(main())
