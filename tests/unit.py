#!/usr/bin/env python3
"""Unit tests: runs the programs that ctest knows, and counts their cases.

  tests/unit.py BUILD-FOLDER [PATTERN]              those whose name matches
  tests/unit.py BUILD-FOLDER --only PROGRAM         one program
  tests/unit.py BUILD-FOLDER --only PATH:CASE       one timed case of one program
  tests/unit.py BUILD-FOLDER --timed [PATH CASES]...  the cases (Suite.name:Suite.name) with EXPECT_FASTER

Prints a line `skipped NAME: why` for each skipped case, `TIMED OUT  NAME` for each program that tests/run may repeat since
only a time limit failed, and `N passed, N failed, N skipped`. ctest counts programs; a GoogleTest program prints how many
of its cases passed.
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from patience import patience  # noqa: E402

CASE_LIMIT_S = 300  # of a timed case


def cases(name, status, output):
    """(passed, failed, skipped) of one program."""
    count = {word: sum(int(n) for n in re.findall(pattern, output)) for word, pattern in (
        ('passed', r'\[  PASSED  \] (\d+) tests?\.'),
        ('failed', r'(?m)^ ?(\d+) FAILED TESTS?$'),
        ('skipped', r'\[  SKIPPED \] (\d+) tests?'))}
    if status == 'run':
        return (count['passed'] or 1, 0, count['skipped'])
    if status in ('notrun', 'disabled'):
        return (0, 1, 0)  # not built
    return (count['passed'], max(count['failed'], 1), count['skipped'])  # 0 failed: it crashed or hung


def skips(name, output):
    """A line for each skipped case, with its reason when the program prints it."""
    listed = re.search(r'\[  SKIPPED \] \d+ tests?, listed below:\n((?:\[  SKIPPED \] .*\n?)*)', output)
    names = re.findall(r'\[  SKIPPED \] (\S+)', listed.group(1)) if listed else []
    reasons = re.findall(r': Skipped\n(.*)', output)
    for index, case in enumerate(names):
        reason = reasons[index] if len(reasons) == len(names) else ''
        yield f'skipped {name} {case}' + (f': {reason}' if reason else '')


def run_ctest(folder, arguments):
    """All programs; those that only a limit ended are named."""
    report = os.path.abspath(os.path.join(folder, 'test-logs', 'unit.xml'))
    os.makedirs(os.path.dirname(report), exist_ok=True)
    ctest = subprocess.run(['ctest', '--test-dir', folder, '-j', str(os.cpu_count()), '--output-on-failure',
                            '--no-tests=ignore', '--output-junit', report, *arguments],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    print(ctest.stdout)
    ended = set(re.findall(r'(?m)^\s*\d+ - (\S+) \(Timeout\)', ctest.stdout))
    totals = [0, 0, 0]
    for program in tree.parse(report).getroot().iter('testcase'):
        name, output = program.get('name'), program.findtext('system-out') or ''
        for line in skips(name, output):
            print(line)
        # A program that a limit ended may have failed in an earlier case: that is not repeated.
        if (name in ended or re.search(r'(?m)^TIMED OUT  ', output)) and '[  FAILED  ]' not in output and ': Failure\n' not in output:
            print(f'TIMED OUT  {name}')
        totals = [total + n for total, n in zip(totals, cases(name, program.get('status'), output))]
    return totals


def run_timed(program, names):
    """The timed cases of one program, one after the other."""
    totals = [0, 0, 0]
    for case in names.split(':'):
        try:
            ended = subprocess.run([program, f'--gtest_filter={case}:*/{case}/*', '--gtest_brief=1'], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors='replace', timeout=patience(CASE_LIMIT_S),
                                   env={**os.environ, 'MILLRACE_TEST_LANE': 'timed'})
            status, output = ended.returncode, ended.stdout
        except subprocess.TimeoutExpired:
            status, output = 1, 'over its bound'
        print(output)
        # If an assertion other than the bound fails as well, the result is a plain failure.
        failures = len(re.findall(r': Failure\n', output))
        if status and failures <= output.count('over its bound'):
            print(f'TIMED OUT  {program}:{case}')
        counted = cases(program, 'fail' if status else 'run', output)
        totals = [total + n for total, n in zip(totals, counted)]
    return totals


def main():
    folder, *words = sys.argv[1:]
    if words[:1] == ['--timed']:
        totals = [0, 0, 0]
        for program, names in zip(words[1::2], words[2::2]):
            totals = [total + n for total, n in zip(totals, run_timed(program, names))]
    elif words[:1] == ['--only'] and ':' in words[1]:
        totals = run_timed(*words[1].split(':', 1))
    elif words[:1] == ['--only']:
        totals = run_ctest(folder, ['-R', f'^{re.escape(words[1])}$'])
    else:
        totals = run_ctest(folder, ['-R', words[0]] if words else [])
    print('{} passed, {} failed, {} skipped'.format(*totals))
    return 1 if totals[1] else 0


sys.exit(main())
