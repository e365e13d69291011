#!/usr/bin/env python3
"""Counts the test cases of a ctest run, from its JUnit file, and prints `N passed, N failed, N skipped`.

ctest counts programs; a GoogleTest program tells how many of its cases passed. Before the sum stands
a line `skipped NAME: why` for each case that was skipped.
"""
import re
import sys
import xml.etree.ElementTree as tree


def cases(program):
    """(passed, failed, skipped) of one program."""
    output = program.findtext('system-out') or ''
    count = {word: sum(int(n) for n in re.findall(pattern, output)) for word, pattern in (
        ('passed', r'\[  PASSED  \] (\d+) tests?\.'),
        ('failed', r'(?m)^ ?(\d+) FAILED TESTS?$'),
        ('skipped', r'\[  SKIPPED \] (\d+) tests?'))}
    if program.get('status') == 'run':
        return (count['passed'] or 1, 0, count['skipped'])
    if program.get('status') in ('notrun', 'disabled'):
        return (0, 1, 0)  # not built
    return (count['passed'], max(count['failed'], 1), count['skipped'])  # 0 failed: it crashed or hung


def skips(program):
    """A line for each skipped case; why, where the program still says so."""
    output = program.findtext('system-out') or ''
    listed = re.search(r'\[  SKIPPED \] \d+ tests?, listed below:\n((?:\[  SKIPPED \] .*\n?)*)', output)
    names = re.findall(r'\[  SKIPPED \] (\S+)', listed.group(1)) if listed else []
    reasons = re.findall(r': Skipped\n(.*)', output)
    for index, name in enumerate(names):
        reason = reasons[index] if len(reasons) == len(names) else ''
        yield f'skipped {program.get("name")} {name}' + (f': {reason}' if reason else '')


def main():
    totals = [0, 0, 0]
    for program in tree.parse(sys.argv[1]).getroot().iter('testcase'):
        for line in skips(program):
            print(line)
        totals = [total + n for total, n in zip(totals, cases(program))]
    print('{} passed, {} failed, {} skipped'.format(*totals))
    return 1 if totals[1] else 0


sys.exit(main())
