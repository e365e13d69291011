#!/usr/bin/python3
"""Puts the files of the console into the program: embed.py --site DIR --codemirror DIR --lexer FILE --out DIR

Writes to --out:
  console_assets.bin     all files, each compressed with gzip
  console_assets.S       one symbol for them (GCC 12 has no #embed)
  console_assets.cc      their paths, types and ETags, and the hash of the build (assets.h)
  keywords.js            the keywords of the grammar, for the editor; embedded as core/keywords.js

Identical input files always give identical output bytes. The build fails if the files are larger than the limit, and
warns if a file of another project is not the one that vendor.txt lists.
"""
import argparse
import gzip
import hashlib
import os
import re
import sys

MOST_BYTES = 600 << 10  # of all files together, compressed
HERE = os.path.dirname(os.path.abspath(__file__))
INDEX = "index.html"
BUILD_MARK = b"BUILDHASH"  # in index.html: the hash of the build


def types():
    """The content types by the ends of names, from the table that the server uses for files of a folder."""
    with open(os.path.join(HERE, "content_types.h"), encoding="utf-8") as header:
        return dict(re.findall(r'\{"(\.\w+)", "([^"]+)"\}', header.read()))


def keywords(lexer):
    """The module of the keywords: reserved ones, which need quotes as names, and others."""
    with open(lexer, encoding="utf-8") as grammar:
        text = grammar.read()
    reserved, rest = text.split("// Keywords of the dialect that may be used as names", 1)
    word = re.compile(r"^\w+\s*:\s*'([A-Z_]+)'\s*;", re.MULTILINE)
    lists = [sorted(set(word.findall(part))) for part in (reserved, rest)]
    assert all(lists) and "SELECT" in lists[0] and "EMIT" in lists[1], "the grammar's keywords are not where they were"
    lines = ["// Generated from the grammar by embed.py."]
    for name, words in zip(("RESERVED", "KEYWORDS"), lists):
        lines.append(f"export const {name} = '{' '.join(words)}'.split(' ');")
    return ("\n".join(lines) + "\n").encode()


def vendored(folder):
    """The files of other projects: path in the console -> contents. Their list is vendor.txt."""
    files = {}
    with open(os.path.join(HERE, "vendor.txt"), encoding="utf-8") as listing:
        for line in listing:
            if not line.strip() or line.startswith("#"):
                continue
            name, source, known, _ = line.split(None, 3)
            with open(os.path.join(folder, source), "rb") as file:
                files[name] = file.read()
            found = hashlib.sha256(files[name]).hexdigest()
            if found != known:
                print(f"embed.py: warning: {source} has the SHA-256 {found}, and vendor.txt lists {known}", file=sys.stderr)
    return files


def site(folder):
    files = {}
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder).replace(os.sep, "/")] = file.read()
    # Type declarations are only for the checker of the sources, and are left out.
    return {path: text for path, text in files.items() if not path.endswith(".d.ts")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("site", "codemirror", "lexer", "out"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    own = site(options.site)
    if INDEX not in own:
        sys.exit(f"embed.py: {options.site} has no {INDEX}")
    words = keywords(options.lexer)
    files = {**own, **vendored(options.codemirror), "core/keywords.js": words}
    known = types()
    unknown = [path for path in files if os.path.splitext(path)[1] not in known]
    if unknown:
        sys.exit(f"embed.py: the content types of {', '.join(sorted(unknown))} are not in content_types.h")

    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    build = whole.hexdigest()[:16]
    files[INDEX] = files[INDEX].replace(BUILD_MARK, build.encode())

    blob, rows = b"", []
    for path in sorted(files):
        packed = gzip.compress(files[path], 9, mtime=0)
        etag = hashlib.sha256(files[path]).hexdigest()[:16]
        kind = known[os.path.splitext(path)[1]]
        rows.append(f'    {{"{path}", "{kind}", "\\"{etag}\\"", file({len(blob)}, {len(packed)})}},')
        blob += packed
    if len(blob) > MOST_BYTES:
        sys.exit(f"embed.py: the console has {len(blob)} bytes compressed, and the limit is {MOST_BYTES}")

    os.makedirs(options.out, exist_ok=True)
    place = os.path.join(os.path.abspath(options.out), "console_assets.bin")
    with open(place, "wb") as file:
        file.write(blob)
    with open(os.path.join(options.out, "keywords.js"), "wb") as file:
        file.write(words)
    with open(os.path.join(options.out, "console_assets.S"), "w", encoding="utf-8") as file:
        file.write(f"""/* Generated by embed.py. */
    .section .rodata
    .global millrace_console_assets
millrace_console_assets:
    .incbin "{place}"
    .section .note.GNU-stack, "", %progbits
""")
    table = "\n".join(rows)
    with open(os.path.join(options.out, "console_assets.cc"), "w", encoding="utf-8") as file:
        file.write(f"""// Generated by embed.py.
#include "server/http/console/assets.h"

#include <cstddef>

extern "C" const char millrace_console_assets[];

namespace server::http {{

namespace {{

std::string_view file(size_t begin, size_t size) {{ return {{millrace_console_assets + begin, size}}; }}

}}  // namespace

std::span<const Asset> console_assets() {{
  static const Asset assets[] = {{
{table}
  }};
  return assets;
}}

std::string_view console_build() {{ return "{build}"; }}

}}  // namespace server::http
""")
    print(f"console: {len(files)} files, {len(blob)} bytes compressed, build {build}")


main()
