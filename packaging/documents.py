#!/usr/bin/python3
"""Manual pages, shell completions and the configuration file, written from the program's own --help.

    packaging/documents.py PROGRAM PREFIX

writes below PREFIX: share/man, share/bash-completion, share/zsh and share/millrace/millrace.toml. A new option or
subcommand appears in all of them without a change here.
"""
import dataclasses
import os
import re
import subprocess
import sys

# `  -b, --name ARGUMENT   text`; the argument and the text may be absent, the text may follow on lines of its own.
OPTION = re.compile(r"^ {2,8}(?:(-\w),? ?)?(--[\w.-]+)(?: ([A-Z\[]\S*(?: REQUIRED| \(Env:\S+\)| in \[.*?\])*))?(?: +(\S.*))?$")
ACTION = re.compile(r"^ {2}([a-z][a-z-]*) {2,}(\S.*)$")
DEFAULT = re.compile(r"^(.*\S) \[([^\[\]]*)\]$", re.S)
# The name of an argument that is a file or a folder.
IS_PATH = re.compile(r"^(PATH|FILE|FOLDER|DIR)\b")


@dataclasses.dataclass
class Option:
    short: str
    name: str  # with its hyphens
    argument: str  # empty: a flag
    text: str = ""

    def default(self):
        """The text without its default, and the default as --help prints it, or None."""
        found = DEFAULT.match(self.text)
        return (found[1], found[2]) if found else (self.text, None)

    def is_path(self):
        return bool(IS_PATH.match(self.argument)) or self.name == "--config" or self.name.endswith(("-dir", "-file"))


@dataclasses.dataclass
class Command:
    """A command line that has a --help: the program, a subcommand, or an action of a subcommand."""
    words: list
    summary: str = ""
    usage: str = ""
    description: list = dataclasses.field(default_factory=list)  # lines
    options: list = dataclasses.field(default_factory=list)
    after: list = dataclasses.field(default_factory=list)  # lines below the options, such as examples
    children: list = dataclasses.field(default_factory=list)

    def name(self):
        return "-".join(self.words)


def read(program, words, summary=""):
    """The command with its children, from their --help."""
    text = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    command = Command(words, summary)
    section = command.description
    for line in text.splitlines():
        if line.startswith("Usage:"):
            command.usage = line.removeprefix("Usage:").strip()
        elif line in ("Options:", "Actions:", "Subcommands:", "Positionals:"):
            section = line
        elif line and not line.startswith(" "):
            if isinstance(section, str):
                section = command.after
            section.append(line)
        elif section == "Options:":
            read_option(command, line)
        elif section in ("Actions:", "Subcommands:"):
            if found := ACTION.match(line):
                command.children.append((found[1], found[2]))
        elif section == "Positionals:":
            continue
        else:
            section.append(line)
    command.children = [read(program, [*words, name], text) for name, text in command.children]
    return command


def read_option(command, line):
    if found := OPTION.match(line):
        command.options.append(Option(found[1] or "", found[2], found[3] or "", found[4] or ""))
    elif line.strip() and command.options:
        option = command.options[-1]
        option.text = f"{option.text} {line.strip()}".strip()
    # An argument of CLI11 carries its default and its variable: PATH=./millrace-data (Env:MILLRACE_DATA_DIR).
    if command.options:
        option = command.options[-1]
        if " REQUIRED" in option.argument or "=" in option.argument or "(Env" in option.argument:
            option.argument = re.split(r"[ =]", option.argument)[0] if "KEY=" not in option.argument else option.argument


# ---- Manual pages

def roff(text):
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped, flags=re.M)


def roff_option(option):
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in (option.short, option.name) if name)
    argument = f" \\fI{roff(option.argument)}\\fR" if option.argument else ""
    text = roff(option.text) or "\\&"  # an empty line would end the paragraph
    return f".TP\n{names}{argument}\n{text}\n"


def roff_lines(lines):
    """Returns the lines in roff. Indented lines are examples, and keep their line ends."""
    out, is_example = [], False
    for line in lines:
        indented = line.startswith(" ")
        if indented != is_example and line:
            out.append(".nf" if indented else ".fi")
            is_example = indented
        out.append(roff(line) if line else (".PP" if not is_example else "\\&"))
    return "\n".join(out + ([".fi"] if is_example else [])) + "\n"


def manual_page(command, version):
    title = command.name()
    page = f'.TH {roff(title.upper())} 1 "" "Millrace {version}" "Millrace"\n'
    page += f".SH NAME\n{roff(title)} \\- {roff(command.summary)}\n"
    page += f".SH SYNOPSIS\n.B {roff(command.usage)}\n"
    page += f".SH DESCRIPTION\n{roff_lines([line for line in command.description if line])}"
    if command.options:
        page += ".SH OPTIONS\n" + "".join(map(roff_option, command.options))
    for child in command.children if len(command.words) > 1 else ():
        page += f'.SH "{roff(" ".join(child.words).upper())}"\n{roff(child.summary)}\n.PP\n.B {roff(child.usage)}\n'
        page += "".join(map(roff_option, child.options)) + ".PP\n" + roff_lines(child.after)
    if len(command.words) == 1:
        page += ".SH SUBCOMMANDS\n"
        for child in command.children:
            page += f".TP\n\\fB{roff(child.name())}\\fR(1)\n{roff(child.summary)}\n"
    if command.after:
        page += f".SH NOTES\n{roff_lines(command.after)}"
    others = ["millrace(1)"] if len(command.words) > 1 else []
    if title == "millrace-server":
        page += (".SH FILES\n.TP\n.I /etc/millrace/millrace.toml\nSettings of the service.\n"
                 ".TP\n.I /var/lib/millrace\nThe data directory of the service.\n")
    page += ".SH SEE ALSO\n" + ", ".join([*others, "millrace.toml(5)"]).replace("-", "\\-") + "\n"
    return page


def is_literal(default):
    return default is not None and default != "none" and " " not in default


def toml_value(default):
    return default if re.fullmatch(r"-?\d+|true|false", default) else f'"{default}"'


def settings(server):
    return [option for option in server.options if option.name not in ("--help", "--config")]


def wrapped(text, width=117):
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def configuration(server):
    """Every setting as a comment with its default; data-dir alone is set."""
    out = ["# Settings of the Millrace service: millrace server --config /etc/millrace/millrace.toml",
           "# A variable (MILLRACE_DATA_DIR) wins over this file, and a flag (--data-dir) wins over both.",
           "# Each comment below has the default of its setting. Restart the service after a change.", ""]
    for option in settings(server):
        text, default = option.default()
        name = option.name.removeprefix("--")
        out += [f"# {line}" for line in wrapped(text)]
        if name == "data-dir":
            out.append('data-dir = "/var/lib/millrace"')
        elif is_literal(default):
            out.append(f"# {name} = {toml_value(default)}")
        else:
            out += [f"# {line}" for line in wrapped(f"Default: {default}.")] if default else []
            out.append(f'# {name} = "..."')
        out.append("")
    return "\n".join(out)


def configuration_page(server, version):
    page = f'.TH MILLRACE.TOML 5 "" "Millrace {version}" "Millrace"\n'
    page += ".SH NAME\nmillrace.toml \\- settings of a Millrace server\n.SH SYNOPSIS\n"
    page += ".B millrace server \\-\\-config /etc/millrace/millrace.toml\n.SH DESCRIPTION\n"
    page += ("A file in the TOML format. Each option of\n.BR millrace\\-server (1)\nmay stand in it without its hyphens "
             "in front. A flag wins over a variable, and a variable wins over the file.\n"
             "An unknown name is an error, and the server does not start.\n.SH SETTINGS\n")
    for option in settings(server):
        variable = "MILLRACE_" + option.name.removeprefix("--").upper().replace("-", "_").replace(".", "_")
        page += f".TP\n\\fB{roff(option.name.removeprefix('--'))}\\fR ({roff(variable)})\n{roff(option.text)}\n"
    return page + (".SH EXAMPLE\n.nf\n" + roff('data-dir = "/var/lib/millrace"\npg = "127.0.0.1:7432"\n'
                                               'memory-limit = "2GB"') + "\n.fi\n.SH SEE ALSO\nmillrace\\-server(1)\n")


# ---- Completions

def words_of(command):
    return [name for option in command.options for name in (option.short, option.name) if name]


def each_command(command):
    yield command
    for child in command.children:
        yield from each_command(child)


def bash_completion(program):
    """Offers the subcommands, actions and options; values of options are completed as file names."""
    out = ["# Completion of millrace for bash.", "_millrace() {",
           "  local word=${COMP_WORDS[COMP_CWORD]} path=millrace index words",
           "  for ((index = 1; index < COMP_CWORD && index < 3; ++index)); do",
           '    case " ${_millrace_commands[*]} " in',
           '      *" $path-${COMP_WORDS[index]} "*) path+=-${COMP_WORDS[index]} ;;', "      *) break ;;", "    esac",
           "  done", "  case $path in"]
    for command in each_command(program):
        words = [*(child.words[-1] for child in command.children), *words_of(command)]
        out.append(f"    {command.name()}) words='{' '.join(words)}' ;;")
    out += ["  esac", '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")', "}",
            f"_millrace_commands=({' '.join(command.name() for command in each_command(program))})",
            "complete -o default -F _millrace millrace", ""]
    return "\n".join(out)


def zsh_quoted(text):
    return text.replace("'", "'\\''")


def zsh_option(option):
    text = re.sub(r"([\[\]:])", r"\\\1", option.default()[0])
    value = ""
    if option.argument:
        argument = re.sub(r"([:\[\]])", r"\\\1", option.argument)
        value = f":{argument}:{'_files' if option.is_path() else ''}"
    specs = [f"'{option.name}{'=' if option.argument else ''}[{zsh_quoted(text)}]{zsh_quoted(value)}'"]
    if option.short:
        specs.append(f"'{option.short}[{zsh_quoted(text)}]{zsh_quoted(value)}'")
    return specs


def zsh_name(command):
    return "_" + command.name().replace("-", "_")


def zsh_function(command):
    """One function for each command: its options and, where it has children, a choice among them."""
    lines = [f"{zsh_name(command)}() {{"]
    specs = [spec for option in command.options for spec in zsh_option(option)]
    if command.children:
        lines += ["  local state line", "  local -a choices", "  _arguments -C \\"]
        lines += [f"    {spec} \\" for spec in specs] + ["    '1: :->choice' '*:: :->rest'", "  case $state in", "    choice)",
                                                        "      choices=("]
        lines += [f"        '{zsh_quoted(child.words[-1])}:{zsh_quoted(child.summary)}'" for child in command.children]
        lines += ["      )", "      _describe action choices ;;", "    rest)", "      case $line[1] in"]
        lines += [f"        {child.words[-1]}) {zsh_name(child)} ;;" for child in command.children]
        lines += ["      esac ;;", "  esac"]
    else:
        lines += ["  _arguments \\", *(f"    {spec} \\" for spec in specs), "    '*: :_files'"]
    return "\n".join([*lines, "}", ""])


def zsh_completion(program):
    return "\n".join(["#compdef millrace", *map(zsh_function, each_command(program)), '_millrace "$@"', ""])


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program_path, prefix = sys.argv[1:]
    version = subprocess.run([program_path, "--version"], capture_output=True, text=True, check=True,
                             timeout=60).stdout.split()[1]
    program = read(program_path, ["millrace"], "a streaming database for Kafka and PostgreSQL clients")
    share = os.path.join(prefix, "share")
    for command in [program, *program.children]:
        write(f"{share}/man/man1/{command.name()}.1", manual_page(command, version))
    server = next(child for child in program.children if child.words[-1] == "server")
    write(f"{share}/man/man5/millrace.toml.5", configuration_page(server, version))
    write(f"{share}/millrace/millrace.toml", configuration(server))
    write(f"{share}/bash-completion/completions/millrace", bash_completion(program))
    write(f"{share}/zsh/vendor-completions/_millrace", zsh_completion(program))


if __name__ == "__main__":
    main()
