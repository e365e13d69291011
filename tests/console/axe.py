"""Runs axe-core inside a page: Deque's checker of the accessibility rules of WCAG.

axe.min.js is MPL-2.0, and neither shipped nor committed. It is the file that AXE_JS names, or it is taken out of a
package that pip downloads; the package is not installed.
"""
import functools
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile

from millrace_server import Skipped
from patience import patience

PACKAGE, MEMBER = "axe-playwright-python==0.1.8", "axe_playwright_python/axe.min.js"  # with axe-core 4.12.1
SHA256 = "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"
DOWNLOAD_LIMIT_S = 60

# A line has the rule, its text and the element of a violation. The rules that axe calls `best-practice` are included.
RUN = """axe.run(document, {resultTypes: ['violations'], iframes: false}).then(({violations}) => violations.flatMap(({id, help, nodes}) =>
    nodes.map(({target, failureSummary}) => `${id} (${help}): ${target.join(' ')}: ${failureSummary.split('\\n').slice(1).join('; ')}`)))"""


@functools.cache
def source():
    """The text of axe.min.js. Without it, the case is skipped."""
    named = os.environ.get("AXE_JS")
    if named:
        with open(named, encoding="utf-8") as file:
            return file.read()
    with tempfile.TemporaryDirectory(prefix="millrace-axe-") as folder:
        try:
            done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                                   "--only-binary", ":all:", "--dest", folder, PACKAGE],
                                  capture_output=True, text=True, timeout=patience(DOWNLOAD_LIMIT_S), check=False)
        except subprocess.TimeoutExpired:
            raise Skipped(f"{PACKAGE} was not downloaded in time") from None
        wheels = [name for name in os.listdir(folder) if name.endswith(".whl")]
        if not wheels:
            raise Skipped(f"pip cannot download {PACKAGE}: {done.stderr.strip().splitlines()[-1:]}")
        with zipfile.ZipFile(os.path.join(folder, wheels[0])) as wheel:
            data = wheel.read(MEMBER)
    assert hashlib.sha256(data).hexdigest() == SHA256, f"{MEMBER} of {PACKAGE} is another file than the one that was checked"
    return data.decode()


def violations(page):
    """The violations on the page as it is now, as lines of text."""
    if not page.js("typeof axe === 'object'"):
        page.js(f"(() => {{ {source()} }})()")
    return page.js(RUN, limit_s=60)
