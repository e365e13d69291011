#!/usr/bin/python3
"""Look-ups that differ only in the keys in their texts: the simple protocol answers each of them as if it were the
first."""
import threading

import psycopg2

from millrace_server import Deadline, case, run, start_server

SERVER = start_server()
TIMES = 4  # the text is cached from the third execution on


def connect():
    connection = psycopg2.connect(host=SERVER.host, port=SERVER.port, user="millrace", dbname="millrace")
    connection.autocommit = True
    return connection


def ask(connection, text):
    """Returns the rows with the columns' names and types, or the error."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(text)
        except psycopg2.Error as error:
            return error.pgcode, error.diag.message_primary, error.diag.statement_position
        return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall(), cursor.statusmessage


def alone(text):
    """Returns the answer of a session that has not received a similar text before."""
    connection = connect()
    answer = ask(connection, text)
    connection.close()
    return answer


def fill(connection, name):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, big BIGINT, word VARCHAR, ratio DOUBLE)")
        cursor.execute(f"CREATE TABLE {name}_words (word VARCHAR PRIMARY KEY, n INT)")
        for i in range(20):
            cursor.execute(f"INSERT INTO {name} VALUES ({i}, {i * 10**10}, 'word{i}', {i / 4})")
            cursor.execute(f"INSERT INTO {name}_words VALUES ('word{i}', {i})")
        cursor.execute(f"INSERT INTO {name}_words VALUES ('it''s', 100), ('a\\b', 101), ('', 102), ('grüße', 103)")


@case
def each_text_is_answered_as_if_it_were_the_first():
    c = connect()
    fill(c, "rl")
    for text in (
            "SELECT * FROM rl WHERE id = {n}", "SELECT big, word FROM rl WHERE id={n};", "select word as w, id FROM rl WHERE {n} = id",
            "SELECT 5, word FROM rl WHERE id = {n}", "SELECT {n}, word FROM rl WHERE id = {n}", "SELECT id = {n} FROM rl WHERE id = {n}",
            "SELECT word FROM rl WHERE id = {n} LIMIT 1", "SELECT word FROM rl WHERE id = {n} AND big = {n}0000000000",
            "SELECT word FROM rl WHERE id = {n} AND id = 3", "SELECT word FROM rl WHERE id = {n} OR id = 3",
            "SELECT word FROM rl WHERE id = {n}.0", "SELECT word FROM rl WHERE id = -{n}", "SELECT word FROM rl WHERE id = '{n}'",
            "SELECT word FROM rl WHERE id = {n}9999999999", "SELECT word FROM rl WHERE id = {n}99999999999999999999999",
            "SELECT word FROM rl WHERE id = 00{n}", "SELECT word FROM rl WHERE id = {n} -- = 4", "SELECT word FROM rl WHERE id /* = 5 */ = {n}",
            "SELECT n FROM rl_words WHERE word = 'word{n}'", "SELECT n FROM rl_words WHERE word = 'it''s'",
            "SELECT n FROM rl_words WHERE word = E'a\\\\b'", "SELECT n FROM rl_words WHERE word = 'a\\b'",
            "SELECT n FROM rl_words WHERE word = ''", "SELECT n FROM rl_words WHERE word = 'grüße'", "SELECT n FROM rl_words WHERE word = {n}",
            "SELECT n FROM rl_words WHERE word = 'wo'\n'rd{n}'", "SELECT current_user, word FROM rl WHERE id = {n}",
            "SELECT nothing FROM rl WHERE id = {n}", "SELECT word FROM rl_nothing WHERE id = {n}", "SELECT word FROM rl WHERE id = {n} AND",
            "SELECT word FROM rl WHERE id = {n}; SELECT word FROM rl WHERE id = 4", "SELECT COUNT(*) FROM rl WHERE id = {n}",
            "SELECT word FROM rl WHERE id = {n}::INT", "SELECT r.word FROM rl r WHERE r.id = {n}", 'SELECT "WORD" FROM rl WHERE id = {n}'):
        for n in list(range(TIMES)) + [7, 99]:
            asked = text.format(n=n)
            assert ask(c, asked) == alone(asked), (asked, ask(c, asked), alone(asked))
    c.close()


def known(connection, name):
    for n in range(TIMES):
        ask(connection, f"SELECT word FROM {name} WHERE id = {n}")


@case
def a_known_text_shows_what_was_written_since():
    c, other = connect(), connect()
    fill(c, "rlw")
    known(c, "rlw")
    with c.cursor() as cursor, other.cursor() as others:
        for n in range(50):
            cursor.execute(f"UPDATE rlw SET word = 'own{n}' WHERE id = 5")
            assert ask(c, "SELECT word FROM rlw WHERE id = 5")[1] == [(f"own{n}",)]
            others.execute(f"INSERT INTO rlw (id, word) VALUES ({100 + n}, 'others')")
            until = Deadline(20)
            while ask(c, f"SELECT word FROM rlw WHERE id = {100 + n}")[1] != [("others",)]:
                until.check()
            cursor.execute(f"DELETE FROM rlw WHERE id = {100 + n}")
            assert ask(c, f"SELECT word FROM rlw WHERE id = {100 + n}")[1] == []
    c.close()
    other.close()


@case
def a_transaction_reads_its_own_rows_and_fails_as_a_whole():
    c = connect()
    fill(c, "rlt")
    known(c, "rlt")
    with c.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE rlt SET word = 'mine' WHERE id = 5")
        assert ask(c, "SELECT word FROM rlt WHERE id = 5")[1] == [("mine",)]
        assert ask(c, "SELECT 1 / 0 FROM nothing")[0] is not None
        assert ask(c, "SELECT word FROM rlt WHERE id = 5")[0] == "25P02"
        cursor.execute("ROLLBACK")
        assert ask(c, "SELECT word FROM rlt WHERE id = 5")[1] == [("word5",)]
    c.close()


@case
def a_known_text_follows_its_table():
    c = connect()
    fill(c, "rld")
    known(c, "rld")
    with c.cursor() as cursor:
        cursor.execute("DROP TABLE rld")
        assert ask(c, "SELECT word FROM rld WHERE id = 5")[0] == "42P01"
        cursor.execute("CREATE TABLE rld (id VARCHAR PRIMARY KEY, word INT)")
        cursor.execute("INSERT INTO rld VALUES ('5', 17)")
        for _ in range(40):
            for text in ("SELECT word FROM rld WHERE id = '5'", "SELECT word FROM rld WHERE id = 5"):
                assert ask(c, text) == alone(text), text
        cursor.execute("CREATE TEMPORARY TABLE rld (id INT PRIMARY KEY, word VARCHAR)")
        cursor.execute("INSERT INTO rld VALUES (5, 'temporary')")
        for _ in range(40):
            assert ask(c, "SELECT word FROM rld WHERE id = 5")[1] == [("temporary",)]
        cursor.execute("DISCARD ALL")
        assert ask(c, "SELECT word FROM rld WHERE id = '5'")[1] == [(17,)]
    c.close()


@case
def settings_of_the_session_count():
    c = connect()
    fill(c, "rls")
    with c.cursor() as cursor:
        cursor.execute("INSERT INTO rls (id, word) VALUES (50, 'grüße')")
        for n in range(TIMES):
            ask(c, f"SELECT word FROM rls WHERE id = {n}")
        c.set_client_encoding("LATIN1")
        assert ask(c, "SELECT word FROM rls WHERE id = 50")[1] == [("grüße",)]
        c.set_client_encoding("UTF8")
        assert ask(c, "SELECT word FROM rls WHERE id = 50")[1] == [("grüße",)]
        cursor.execute("DEFINE which = '7'")
        for _ in range(TIMES):
            assert ask(c, "SELECT word FROM rls WHERE id = ${which}")[1] == [("word7",)]
        for n in range(TIMES):
            cursor.execute(f"SET application_name = 'name{n}'")
            text = "SELECT current_setting('application_name') AS s, word FROM rls WHERE id = 7"
            assert ask(c, text)[1] == [(f"name{n}", "word7")], (n, ask(c, text))
    c.close()


@case
def many_sessions_at_once():
    c = connect()
    fill(c, "rlm")
    failures = []

    def look_up(first):
        own = connect()
        for i in range(300):
            n = (first + i) % 20
            answer = ask(own, f"SELECT id, word FROM rlm WHERE id = {n}")[1]
            if answer != [(n, f"word{n}")]:
                failures.append((n, answer))
        own.close()
    threads = [threading.Thread(target=look_up, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    c.close()


run()
