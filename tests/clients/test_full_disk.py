#!/usr/bin/python3
"""A disk that is full: whoever starts a server on it, or writes to one, is told which it is and what helps."""
import os
import subprocess
import tempfile

import psycopg

from millrace_server import Skipped, binary, case, launch, run


class Disk:
    """Of a few megabytes, where the user may mount one."""

    def __init__(self, size):
        self.folder = tempfile.mkdtemp(prefix="millrace-full-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], capture_output=True)
        if done.returncode != 0:
            os.rmdir(self.folder)
            raise Skipped("no disk can be mounted here")

    def __enter__(self):
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", self.folder], check=True)
        os.rmdir(self.folder)


@case
def a_server_does_not_start_on_it():
    with Disk("1m") as folder:
        done = subprocess.run([binary(), "server", "--data-dir", f"{folder}/data", "--pg", "127.0.0.1:0", "--kafka", "127.0.0.1:0",
                               "--http", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert f"error: cannot write to {folder}/data/log.mdb: no space left on device (" in said, said
        assert "hint: free some space or choose another --data-dir; nothing was changed" in said, said


@case
def writing_is_refused_until_there_is_space_again():
    with Disk("90m") as folder:
        server = launch(data_dir=f"{folder}/data")
        try:
            with psycopg.connect(host=server.host, port=server.port, user="millrace", dbname="millrace", autocommit=True) as c:
                c.execute("CREATE TABLE kept (id INT PRIMARY KEY, text VARCHAR)")
                c.execute("INSERT INTO kept VALUES (0, 'before')")
                filler = f"{folder}/filler"
                subprocess.run(["sh", "-c", f"head -c 200m /dev/zero > {filler} 2>/dev/null"], check=False)
                error = None
                for number in range(1, 2000):
                    try:
                        c.execute("INSERT INTO kept VALUES (%s, %s)", (number, "x" * 100_000))
                    except psycopg.Error as refused:
                        error = refused
                        break
                assert error is not None and error.sqlstate == "53100", error
                assert error.diag.message_primary == "the disk is full", error
                assert error.diag.message_hint.startswith("Free space on the disk that holds the data directory"), error
                assert c.execute("SELECT text FROM kept WHERE id = 0").fetchone() == ("before",)
        finally:
            server.stop()


run()
