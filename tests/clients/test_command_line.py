#!/usr/bin/python3
"""Output of the program without a server: help, versions, and errors of a command line."""
import os
import subprocess
import tempfile

from millrace_server import binary, case, launch, run

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def millrace(*arguments, status=0):
    done = subprocess.run([binary(), *arguments], text=True, capture_output=True, timeout=60)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


@case
def help_and_version_have_the_usual_names():
    usage = millrace("--help")
    assert usage == millrace("help") == millrace("-h") and "Subcommands:" in usage, usage
    version = millrace("--version")
    assert version == millrace("-v") == millrace("-V") == millrace("version") and version.startswith("millrace "), version
    for subcommand in ("server", "check", "topic"):
        assert millrace("help", subcommand) == millrace(subcommand, "--help"), subcommand


@case
def a_wrong_name_is_answered_with_the_nearest():
    assert 'unrecognized subcommand "severs"; did you mean server?' in millrace("severs", status=2)
    assert 'unrecognized subcommand "start"; millrace server runs a server' in millrace("start", status=2)
    assert 'unrecognized subcommand "psql"; millrace sql runs SQL statements' in millrace("psql", status=2)
    assert "unrecognized option -e\nhint: Use -c 'SELECT ...'." in millrace("sql", "-e", "SELECT 1", status=1)
    for subcommand in (("server",), ("check",), ("backup", "--to", "x"), ("restore", "--from", "x")):
        printed = millrace(*subcommand, "--data-dri", "x", status=2)
        assert "unrecognized option --data-dri\nhint: Did you mean --data-dir?\n" in printed, printed
        assert "not expected" not in printed, printed
    assert "unrecognized option --prot" in millrace("server", "--prot", "1", status=2)
    assert 'unexpected argument "1"' in millrace("check", "1", status=2)
    assert "--to is required" in millrace("backup", status=2)


@case
def an_address_with_a_protocol_and_an_option_without_the_subcommand_name_the_remedy():
    printed = millrace("server", "--data-dir", "/dev/null/none", "--kafka", "PLAINTEXT://localhost:9092", status=2)
    assert "Leave out PLAINTEXT://: localhost:9092." in printed, printed
    printed = millrace("server", "--data-dir", "/dev/null/none", "--kafka", "PLAINTEXT://", status=2)
    assert "Leave out PLAINTEXT://: 127.0.0.1:9092." in printed, printed
    printed = millrace("--data-dir", "x", status=2)
    assert "unrecognized option --data-dir; millrace server --data-dir starts a server" in printed, printed


@case
def the_example_of_a_configuration_file_is_valid():
    with tempfile.TemporaryDirectory(prefix="millrace-config-") as folder:
        server = launch("--config", os.path.join(_ROOT, "docs", "millrace.toml"), data_dir=os.path.join(folder, "data"))
        server.stop()


@case
def a_configuration_file_that_cannot_be_read_is_named():
    with tempfile.TemporaryDirectory(prefix="millrace-config-") as folder:
        missing, wrong = os.path.join(folder, "absent.toml"), os.path.join(folder, "wrong.toml")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write("pg: 127.0.0.1:7432\n")
        for path, text in ((missing, f"cannot read the file of --config, {missing}: No such file or directory"),
                           (folder, f"cannot read the file of --config, {folder}: Is a directory"),
                           (wrong, f"cannot read {wrong}, line 1")):
            printed = millrace("server", "--config", path, status=2)
            assert text in printed and 'pg = "127.0.0.1:7432"' in printed, printed


@case
def an_address_of_all_interfaces_cannot_be_advertised():
    printed = millrace("server", "--data-dir", "/dev/null/none", "--kafka-advertised", "0.0.0.0:9092", status=2)
    assert "--kafka-advertised 0.0.0.0:9092 is not an address that clients can connect to" in printed, printed
    assert "hint: " in printed, printed


@case
def a_port_out_of_range_is_named():
    printed = millrace("server", "--kafka", "127.0.0.1:99999", "--data-dir", "/dev/null/none", status=2)
    assert '--kafka: "127.0.0.1:99999" is not an address: a port is a number from 0 to 65535' in printed, printed


run()
