#!/usr/bin/env python3
"""Counts the test cases of a ctest run, from its JUnit file, and prints `N passed, N failed, N skipped`.

ctest counts programs; a GoogleTest program tells how many of its cases passed.
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


def main():
    totals = [0, 0, 0]
    for program in tree.parse(sys.argv[1]).getroot().iter('testcase'):
        totals = [total + n for total, n in zip(totals, cases(program))]
    print('{} passed, {} failed, {} skipped'.format(*totals))
    return 1 if totals[1] else 0


sys.exit(main())
