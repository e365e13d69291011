#!/usr/bin/env python3
"""Finds sentences that readers stumble over: in comments, docstrings, Markdown, error and log texts, names of tests.

  tests/plain.py [PATH...]       matches in all files, or in the files below the paths
  tests/plain.py --summary ...   only the share of blocks that match each pattern
  tests/plain.py --shrink        lower the numbers in tests/plain_exceptions.txt to the matches that are left

A block is a comment, a paragraph, a text or a name. tests/lint.py rejects a block that matches a pattern, unless
tests/plain_exceptions.txt allows as many matches in the file, and commit titles since the commit that added this file
unless they read `area: verb ...`. docs/HACKING.md has the rules for writers.
"""
import ast
import collections
import os
import re
import subprocess
import sys

EXCEPTIONS = 'tests/plain_exceptions.txt'
TITLE_LENGTH = 72
SHORTEST = 26  # characters of a comment or a paragraph: a shorter one is a label or a unit

Pattern = collections.namedtuple('Pattern', 'key fault instead regex')
PATTERNS = [Pattern(key, fault, instead, re.compile(regex)) for key, fault, instead, regex in (
    ('P1', 'the subject is a bare clause', 'the noun: "The records that ...", "A client that ..."',
     r'^(?:Wh(?:at(?:ever)?|ere|o(?:ever|m|se)?)|Th(?:at(?: which)?|ose))\b(?![^.:;]*\?)'),
    ('P2', 'a person stands for a part of the program', 'reader, writer, task, node, client, session or caller',
     r'\b(?:(?:some|no|any)body|who(?:m|ever)?)\b'),
    ('P3', 'the sentence opens with "Of"', 'a full sentence that begins with its noun', r'^Of '),
    ('P4', 'software does not tell or say', 'returns, reports, acknowledges, logs, sends or rejects',
     r'\b(?:tells?|told|says|said)\b'),
    ('P5', '"is there", "there are such"', 'exists, is present or is available',
     r'\b(?:is|are|was|were|not) there\b(?!fore)|\b[Tt]here (?:is|are) such'),
    ('P6', '"any more", "no more"', 'no longer', r'\b(?:any|no) more\b(?! than)'),
    ('P7', '"so many", "so long" that point at nothing', 'the number, or the name of the constant',
     r'\b[Ss]o (?:few|large|long|many|much|often)\b(?! (?:as|that))'),
    ('P8', 'the sentence is about another one', 'the fact again, it costs one line',
     r'^(?:Likewise|The same|As [a-z_]+\()'),
    ('P9', 'an odd word', 'except, again, similar, deleted or permanently',
     r'\b(?:anew|beside one another|begins again from|but for|by the way|for good|for want of|its kin|of above|'
     r'of before|thereof)\b'),
)]
# Patterns that apply to sentences of comments and documents only. The name of a test may begin with "the same": it does
# not refer to a sentence before it.
ONLY_IN_PROSE = {'P8'}

# Verbs of titles. A verb that is missing here is added with the commit that needs it.
VERBS = set('''accept acknowledge adapt add adjust align allow answer append apply ask assert assign attach avoid back
    batch begin bind block bound break buffer build bump bundle cache call cancel cap carry cast catch change check
    choose clean clear close collect combine commit compact compare compile complete compress compute configure confirm
    connect consume continue convert copy correct count cover create cut decide declare decode decouple deduplicate
    define delay delete deliver deny deprecate derive describe detect disable discard distinguish divide do document
    draw drain drop elect emit enable encode end enforce ensure escape estimate evict exclude execute exit expand expect expire
    explain expose extend extract fail fence fetch fill filter find finish fix flush follow forbid format forward free
    freeze generate get give grant group grow guard handle hide hint hold ignore implement import improve include index
    infer inline insert inspect install introduce invalidate isolate join judge keep lead leave let lift limit link
    list load lock log lower maintain make map mark match measure merge mend mirror move name narrow normalize notify number
    offer omit open optimize order overlap pack parse partition pass pause persist pin place plan plot point poll port
    prefer prepare preserve prevent print process produce propagate protect prove provide prune publish pull push put
    query queue quote raise reach read rebalance rebuild receive recognize record recover reduce refresh refuse
    register reject release reload rely remove rename render reorder repair repeat replace replay replicate reply
    report represent require reserve reset resolve respond restart restore restrict resume retain retire retry return
    reuse revoke reword rewrite roll rotate round route run sample save scale scan schedule search select send separate
    serialize serve set share ship shorten show shrink shut simplify simulate skip snapshot sort specify speed spell
    split stage start state stay stop store stream strip suggest summarize supply support suppress switch sync synchronize take
    test throttle tidy tighten time tolerate trace track translate treat trim truncate try tune turn type unify unite
    update upgrade use validate vary verify visit wait wake warn weaken widen wire work wrap write yield'''.split())

# `first` is the number of its first line; kind: 'prose' (comments and Markdown), 'docstring', 'text' or 'name'.
Block = collections.namedtuple('Block', 'first text kind')
Match = collections.namedtuple('Match', 'path first patterns text')

SLASHES = ('.cc', '.h', '.c', '.g4', '.java', '.js', '.go', '.rs')
HASHES = ('.py', '.sh', '.cmake', '.slt', '.toml', '.yml', 'CMakeLists.txt', 'Dockerfile')
ITEM = re.compile(r'\s*(?:[-*]|\d+\.)\s+(.*)')
SENTENCE_END = re.compile(r'(?<=[.;:!?])\s+')
LICENCE = re.compile(r'[Cc]opyright|[Ll]icen[sc]ed')
# Comments and literals of C++. Group 2 is the text of a literal, group 4 the text of a raw one.
CXX_PARTS = re.compile(r'//[^\n]*|/\*.*?\*/|\'(?:\\.|[^\'\\\n])+\'|(?<!R)(")((?:\\.|[^"\\\n])*)"|'
                       r'R"([^(\s]{0,16})\((.*?)\)\3"', re.S)
# The beginning of a call or of an initializer; then the names of the functions and types whose texts users or
# operators read.
CXX_OPENER = re.compile(r'\{(?=\s*ErrorCode::)|\b(\w+)\s*(?:\(|\{(?!\s*ErrorCode::))')
CXX_WITH_TEXTS = {'Error', 'with_hint', 'with_detail', 'log_debug', 'log_info', 'log_warn', 'log_error'}
CXX_ERROR_FUNCTION = re.compile(r'^ *(?:\[\[\w+\]\] |static |inline )*Error (?:\w+::)?(\w+)\(', re.M)
CXX_TEST = re.compile(r'^TEST(?:_F|_P)?\(\s*\w+\s*,\s*(\w+)\s*\)', re.M)
BRACKET = re.compile(r'[(){}\[\]]')
CAMEL = re.compile(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])')


def git(*arguments):
    done = subprocess.run(['git', *arguments], capture_output=True, text=True, errors='replace', check=False)
    return done.stdout if done.returncode == 0 else ''


def paragraphs(lines, first=1):
    """(number, text) of paragraphs and of items of lists; headings, tables and fenced code are left out."""
    found, fenced, is_open = [], False, False
    for number, line in enumerate(lines, first):
        is_fence = line.startswith('```')
        fenced ^= is_fence
        if fenced or is_fence or not line.strip() or line[0] in '#|':
            is_open = False
            continue
        item = ITEM.match(line)
        if item or not is_open:
            found.append((number, []))
        is_open = True
        found[-1][1].append(item.group(1) if item else line.strip())
    return [(number, ' '.join(words)) for number, words in found]


def comments(lines, mark):
    """(number, text) of trailing comments, and of comments on lines of their own: adjacent lines are one comment."""
    alone = re.compile(rf'\s*{mark}+!?\s?(.*)$')
    trailing = re.compile(rf'\S\s+{mark} (.+)$')
    found, is_open = [], False
    for number, line in enumerate(lines, 1):
        if own := alone.match(line):
            if not is_open:
                found.append((number, []))
            found[-1][1].append(own.group(1))
        elif beside := trailing.search(line):
            found.append((number, [beside.group(1)]))
        is_open = bool(own)
    return [(number, ' '.join(words).strip()) for number, words in found]


def as_words(name):
    """The name of a test as a sentence."""
    words = CAMEL.sub(' ', name.replace('_', ' ').strip())
    return words[:1].upper() + words[1:].lower()


def python_blocks(source):
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            docstring = node.body[0].value
            lines = [line.strip() for line in docstring.value.split('\n')]
            yield from (Block(number, text, 'docstring') for number, text in paragraphs(lines, docstring.lineno))
        if isinstance(node, ast.FunctionDef):
            if any(isinstance(by, ast.Name) and by.id == 'case' for by in node.decorator_list):
                yield Block(node.lineno, as_words(node.name), 'name')


def closing(code, start):
    """The position after the bracket that closes the one which ends at `start`."""
    depth = 1
    for bracket in BRACKET.finditer(code, start):
        depth += 1 if bracket.group() in '({[' else -1
        if depth == 0:
            return bracket.end()
    return len(code)


def cxx_texts(source, error_functions):
    """Texts of errors, hints and log lines. Adjacent literals are one text."""
    literals = []

    def blank(part):
        text = part.group(2) if part.group(1) else part.group(4)
        if text is not None:
            literals.append((part.start(), part.end(), text))
        return ' ' * (part.end() - part.start())

    code = CXX_PARTS.sub(blank, source)
    names = CXX_WITH_TEXTS | error_functions | set(CXX_ERROR_FUNCTION.findall(code))
    spans, covered = [], 0
    for opener in CXX_OPENER.finditer(code):
        if opener.start() >= covered and (opener.group(1) is None or opener.group(1) in names):
            covered = closing(code, opener.end())
            spans.append((opener.end(), covered))
    texts = []
    for start, end, text in literals:
        if any(opening <= start < last for opening, last in spans):
            if texts and not source[texts[-1][1]:start].strip():
                texts[-1] = (texts[-1][0], end, texts[-1][2] + text)
            else:
                texts.append((start, end, text))
    return [(source.count('\n', 0, start) + 1, text) for start, _, text in texts]


def cxx_blocks(source, error_functions):
    for number, text in cxx_texts(source, error_functions):
        if ' ' in text:
            yield Block(number, text, 'text')
    for test in CXX_TEST.finditer(source):
        yield Block(source.count('\n', 0, test.start()) + 1, as_words(test.group(1)), 'name')


def blocks(path, source, error_functions=frozenset()):
    lines = source.split('\n')
    if path.endswith('.md'):
        prose = paragraphs(lines)
    elif path.endswith(SLASHES):
        prose = comments(lines, '//')
    elif path.endswith(HASHES) or '.' not in os.path.basename(path) and source.startswith('#!'):
        prose = comments(lines, '#')
    else:
        return
    for number, text in prose:
        if len(text) >= SHORTEST and not LICENCE.search(text):
            yield Block(number, text, 'prose')
    if path.endswith('.py') or lines[0].startswith('#!') and 'python' in lines[0]:
        yield from python_blocks(source)
    elif path.endswith(('.cc', '.h')):
        yield from cxx_blocks(source, error_functions)


def faults(block):
    sentences = SENTENCE_END.split(re.sub(r'`[^`]*`', '`x`', block.text))
    if block.kind == 'name':  # its first word may also stand within a sentence
        sentences.append(block.text.lower())
    return [pattern for pattern in PATTERNS
            if any(pattern.regex.search(sentence) for sentence in sentences)
            and not (block.kind in ('text', 'name') and pattern.key in ONLY_IN_PROSE)]


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def declared_error_functions(files):
    """Functions of headers that make an Error: their arguments are texts for users."""
    return frozenset(name for path in files if path.endswith('.h') for name in CXX_ERROR_FUNCTION.findall(read(path)))


def matches(path, source, error_functions):
    found = ((block, faults(block)) for block in blocks(path, source, error_functions))
    return [Match(path, block.first, patterns, block.text) for block, patterns in found if patterns]


def listed(text):
    """{path: number of allowed matches} of a list of exceptions."""
    rows = (line.split('#')[0].split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if row}


def exceptions():
    return listed(read(EXCEPTIONS)) if os.path.isfile(EXCEPTIONS) else {}


def check_shrinks(path, numbers_of, check=None):
    """A list of accepted findings may only become shorter than it is on main and in the last commit. `numbers_of` reads
    the list as {entry: number}. `check` is the file of the check: a commit without it may have any list."""
    now = numbers_of(read(path)) if os.path.isfile(path) else {}
    for base in ('main', 'HEAD'):
        before = numbers_of(git('show', f'{base}:{path}'))
        for entry in sorted(now) if git('ls-tree', base, check or path) else ():
            if now[entry] > before.get(entry, 0):
                yield (f'{path}: "{entry}" {now[entry]}: the list of {base} has {before.get(entry, 0)}, '
                       'and the list may only shrink')


def check_exceptions(found, allowed):
    """The list may only shrink, and has no room for a new match."""
    yield from check_shrinks(EXCEPTIONS, listed, 'tests/plain.py')
    for path, number in sorted(allowed.items()):
        if number > len(found.get(path, ())):
            yield (f'{EXCEPTIONS}: {path} {number}: only {len(found.get(path, ()))} are left; '
                   'tests/plain.py --shrink lowers the number')


def added(path, found, error_functions):
    """The matches that main does not have in this file; all, if no single one is new."""
    before = {match.text for match in matches(path, git('show', f'main:{path}'), error_functions)}
    return [match for match in found if match.text not in before] or found


def check_titles():
    """Titles of the commits that build on the one that added this file."""
    start = git('log', '--diff-filter=A', '--format=%H', '--', 'tests/plain.py').split()
    rows = git('log', '--no-merges', '--ancestry-path', '--format=%h %s', f'{start[-1]}..HEAD').splitlines() if start else []
    for commit, title in (row.split(' ', 1) for row in rows):
        if why := title_fault(title):
            yield f'{commit}: title "{title}": {why}'


def title_fault(title):
    if re.match(r'Merge |Revert "', title):
        return None
    if len(title) > TITLE_LENGTH:
        return f'it has {len(title)} characters, at most {TITLE_LENGTH} are allowed'
    verb = re.match(r'[^:]*[^:\s]: (\w+)', title)
    if not verb:
        return 'write `area: verb ...`, for example "storage/log: fence appends from an older leader"'
    if verb.group(1) not in VERBS:
        return f'begin with a verb after the area; if "{verb.group(1)}" is one, add it to VERBS in tests/plain.py'
    return None


def described(match):
    return '; '.join(f'{p.key} {p.fault} (write {p.instead})' for p in match.patterns) + f': {match.text[:110]}'


def check(files):
    """Findings of tests/lint.py."""
    error_functions, allowed = declared_error_functions(files), exceptions()
    found = {path: matches(path, read(path), error_functions) for path in files}
    for path in files:
        number = allowed.get(path, 0)
        if len(found[path]) > number:
            for match in added(path, found[path], error_functions) if number else found[path]:
                yield f'{path}:{match.first}: {described(match)}'
            if number:
                yield f'{path}: {len(found[path])} matches, and {EXCEPTIONS} allows {number}'
    yield from check_exceptions(found, allowed)
    yield from check_titles()


def shrink(found):
    allowed = {path: min(number, found.get(path, 0)) for path, number in exceptions().items()}
    remarks = [line for line in read(EXCEPTIONS).splitlines() if line.startswith('#')]
    rows = [f'{path} {number}' for path, number in sorted(allowed.items()) if number]
    with open(EXCEPTIONS, 'w', encoding='utf-8') as file:
        file.write('\n'.join(remarks + rows) + '\n')


def main():
    options = {argument for argument in sys.argv[1:] if argument.startswith('-')}
    if options - {'--summary', '--shrink'}:
        print(__doc__.strip())
        return 0 if options & {'-h', '--help'} else 2
    tracked = [path for path in git('ls-files').splitlines() if os.path.isfile(path)]
    error_functions = declared_error_functions(tracked)
    wanted = [argument for argument in sys.argv[1:] if argument not in options]
    total, shares, found = collections.Counter(), collections.Counter(), collections.Counter()
    for path in tracked:
        if wanted and not any(path == place or path.startswith(place.rstrip('/') + '/') for place in wanted):
            continue
        source = read(path)
        for block in blocks(path, source, error_functions):
            total[block.kind] += 1
            patterns = faults(block)
            shares.update((block.kind, pattern.key) for pattern in patterns)
            if patterns:
                shares[block.kind, 'any'] += 1
                found[path] += 1
                if not options:
                    print(f'{path}:{block.first}: {described(Match(path, block.first, patterns, block.text))}')
    if '--shrink' in options:
        shrink(found)
        return 0
    kinds = [kind for kind in ('prose', 'docstring', 'text', 'name') if total[kind]]
    print(' ' * 50 + ''.join(f'{kind:>11}' for kind in kinds))
    for key, fault in [(p.key, f'{p.key} {p.fault}') for p in PATTERNS] + [('any', 'at least one pattern')]:
        print(f'{fault:50}' + ''.join(f'{100 * shares[kind, key] / total[kind]:9.2f} %' for kind in kinds))
    print(f'{"blocks":50}' + ''.join(f'{total[kind]:11}' for kind in kinds))
    return 0


if __name__ == '__main__':
    sys.exit(main())
