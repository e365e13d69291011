"""The checked macros of sqlx for Rust, which ask the server for the types of each statement while a program is compiled."""
import os
import shutil
import subprocess
import sys

import psycopg

from millrace_server import case, has_limit, run

HOST, PORT = os.environ["MILLRACE_PG"].split(":")
FOLDER = sys.argv.pop(1)  # a package with sqlx, made by pg_clients
HERE = os.path.dirname(os.path.abspath(__file__))
URL = f"postgres://{os.environ['PGUSER']}@{HOST}:{PORT}/postgres"


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--quiet"], cwd=FOLDER, env={**os.environ, "DATABASE_URL": URL}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


@case
@has_limit(900)
def the_macros_find_the_types():
    with psycopg.connect(host=HOST, port=PORT, user=os.environ["PGUSER"], dbname="postgres", autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR NOT NULL, price BIGINT)")
        cursor.execute("CREATE TABLE sizes (id INT PRIMARY KEY, size INT NOT NULL)")
        cursor.execute("INSERT INTO sizes VALUES (1, 7)")
    shutil.copy(os.path.join(HERE, "main.rs"), os.path.join(FOLDER, "src"))
    done = cargo("build")
    assert done.returncode == 0, done.stdout


@case
def the_program_runs():
    done = cargo("run")
    assert done.returncode == 0 and "all right" in done.stdout, done.stdout


@case
@has_limit(300)
def a_wrong_column_is_found_while_compiling():
    path = os.path.join(FOLDER, "src", "main.rs")
    with open(path, encoding="utf-8") as file:
        source = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(source.replace("SELECT price FROM items", "SELECT prize FROM items"))
    done = cargo("build")
    assert done.returncode != 0 and 'column "prize" does not exist' in done.stdout, done.stdout


run()
