"""Compares the contents of a server with the knowledge of its clients and with results computed from its log."""
import bisect
import collections
import time

import cleanup_load
import data_files
import kafka_load
import transaction_load
from ledger import Fate, columns_of
from load import STAMPED, drop_passing
from patience import patience

# Constants of the statements below.
WINDOW_MS, GRACE_MS, RETENTION_MS = 10_000, 20_000, 120_000
LARGE_FROM = 50
NEAR_MS = 5_000  # largest distance in time in the join of two streams
GAP_MS = 2_000   # gap between sessions
SOME_BUT, OTHERS_BUT = 5, 3  # queries leave out rows whose count is a multiple of these numbers
SLOW_ONE_IN = 2000
REFERRED = 50  # cities that a foreign key may name, whether they exist or not

SCHEMA = (
    "CREATE STREAM IF NOT EXISTS events "
    "(device VARCHAR KEY, id BIGINT, amount INT, city VARCHAR, at_ms BIGINT) "
    "WITH (KAFKA_TOPIC = 'events', VALUE_FORMAT = 'JSON', PARTITIONS = 4, TIMESTAMP = 'at_ms')",
    # Formats with schemas; each statement registers its schema. Some rows are so large that another thread must encode
    # them.
    "CREATE STREAM IF NOT EXISTS large WITH (VALUE_FORMAT = 'AVRO') AS "
    f"SELECT device, id, city FROM events WHERE amount >= {LARGE_FROM} "
    f"AND LEN(LPAD('', CASE WHEN id % {SLOW_ONE_IN} = 0 THEN 700000 ELSE 1 END, '-')) > 0 EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS per_device WITH (FORMAT = 'AVRO') AS "
    "SELECT device, COUNT(*) AS n, SUM(id) AS ids FROM events WINDOW TUMBLING "
    f"(SIZE {WINDOW_MS} MILLISECONDS, RETENTION {RETENTION_MS} MILLISECONDS, "
    f"GRACE PERIOD {GRACE_MS} MILLISECONDS) GROUP BY device EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS per_city WITH (VALUE_FORMAT = 'PROTOBUF') AS "
    "SELECT city, COUNT(*) AS n, SUM(amount) AS total, MAX(id) AS newest "
    "FROM events GROUP BY city EMIT CHANGES",
    "CREATE STREAM IF NOT EXISTS produced (producer VARCHAR KEY, n BIGINT) "
    f"WITH (KAFKA_TOPIC = '{kafka_load.TOPIC}', VALUE_FORMAT = 'JSON', "
    f"PARTITIONS = {kafka_load.PARTITIONS})",
    "CREATE TABLE IF NOT EXISTS sites (city VARCHAR PRIMARY KEY, zone VARCHAR) "
    "WITH (KAFKA_TOPIC = 'sites', VALUE_FORMAT = 'JSON_SR', PARTITIONS = 4)",
    "CREATE STREAM IF NOT EXISTS located AS "
    "SELECT sites.city, id, zone FROM events JOIN sites ON events.city = sites.city EMIT CHANGES",
    "CREATE STREAM IF NOT EXISTS met AS SELECT e.device, e.id AS id, l.id AS other "
    f"FROM events e JOIN large l WITHIN {NEAR_MS} MILLISECONDS ON e.device = l.device EMIT CHANGES",
    "CREATE STREAM IF NOT EXISTS met_or_not AS SELECT e.device, e.id AS id, l.id AS other "
    f"FROM events e LEFT JOIN large l WITHIN {NEAR_MS} MILLISECONDS GRACE PERIOD {GRACE_MS} "
    "MILLISECONDS ON e.device = l.device EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS visits AS SELECT device, COUNT(*) AS n, SUM(id) AS ids "
    f"FROM events WINDOW SESSION ({GAP_MS} MILLISECONDS, GRACE PERIOD 1 DAY) GROUP BY device "
    "EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS zoned AS SELECT c.city AS city, n, zone "
    "FROM per_city c JOIN sites s ON c.city = s.city EMIT CHANGES",
    # In these tables foreign keys change with nearly every event, and rows appear and disappear on both sides of
    # the joins.
    "CREATE TABLE IF NOT EXISTS some AS "
    f"SELECT city, n FROM per_city WHERE n % {SOME_BUT} <> 0 EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS others AS "
    f"SELECT city, n FROM per_city WHERE n % {OTHERS_BUT} <> 0 EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS referring AS SELECT s.city AS city, s.n AS n, o.n AS other "
    f"FROM some s JOIN others o ON 'c' + CAST(s.n % {REFERRED} AS VARCHAR) = o.city EMIT CHANGES",
    "CREATE TABLE IF NOT EXISTS following AS SELECT c.city AS city, c.n AS n, d.n AS other "
    f"FROM per_city c LEFT JOIN others d ON 'c' + CAST(c.n % {REFERRED} AS VARCHAR) = d.city "
    "EMIT CHANGES",
    *("CREATE " + statement.format("IF NOT EXISTS ", 0) for statement in STAMPED),
    *cleanup_load.SCHEMA,
    *transaction_load.SCHEMA,
)
_QUERIES = sum(" AS SELECT" in statement for statement in SCHEMA)
# The sites are written before any event, and are the same at each start. Events of cities without a site have no
# partner in the join.
ZONES = {f"c{number}": f"z{number % 7}" for number in range(0, 40, 2)}
FILL = ("INSERT INTO sites (city, zone) VALUES "
        + ", ".join(f"('{city}', '{zone}')" for city, zone in ZONES.items()))

# The relations that these statements define, in their order.
SOURCES = ("EVENTS", "LARGE", "PER_DEVICE", "PER_CITY", "PRODUCED", "SITES", "LOCATED", "MET",
           "MET_OR_NOT", "VISITS", "ZONED", "SOME", "OTHERS", "REFERRING", "FOLLOWING",
           "STAMPED", "STAMPED_CITIES",
           *cleanup_load.SOURCES, *transaction_load.SOURCES)

_CATCH_UP_TIMEOUT_S = 60
_REMOVED_WITHIN_S = 60  # a journal is trimmed only after all its tasks have made checkpoints
_MARKERS = 64  # rows with different keys: enough to reach every partition


def define(connection):
    """Creates the missing ones of the relations that the checks use, and drops all others."""
    drop_passing(connection)
    for statement in (*SCHEMA, FILL):
        connection.execute(statement)


def _read(connection, query):
    """Rows as tuples of text; much faster than converted rows."""
    return [tuple(line.split("\t")) for line in connection.copy_out(query).splitlines()]


def sources(connection):
    """The names of all streams and tables."""
    rows = (connection.execute("SHOW STREAMS").fetchall()
            + connection.execute("SHOW TABLES").fetchall())
    return {row[0].upper() for row in rows}


def read_partitions(connection, stream):
    """By partition: (offset, id, ROWTIME) in the order of the log."""
    partitions = collections.defaultdict(list)
    for partition, offset, row_id, time_ms in _read(
            connection, f"SELECT ROWPARTITION, ROWOFFSET, id, ROWTIME FROM {stream}"):
        partitions[int(partition)].append((int(offset), int(row_id), int(time_ms)))
    return {number: sorted(rows) for number, rows in sorted(partitions.items())}


def read_produced(connection):
    """The records of Kafka producers: (partition, offset, producer, number)."""
    return [(int(partition), int(offset), producer, int(number))
            for partition, offset, producer, number in _read(
                connection, "SELECT ROWPARTITION, ROWOFFSET, producer, n FROM produced")]


def expected_counts(partitions):
    """Expected rows of per_device: {(device, window start): (count, sum of ids)}, and the number of late rows.

    Each partition has its own stream time.
    """
    expected, late = {}, 0
    for rows in partitions.values():
        stream_time_ms, windows = -1, collections.defaultdict(lambda: [0, 0])
        for _, row_id, _ in rows:
            device, _, _, at_ms = columns_of(row_id)
            stream_time_ms = max(stream_time_ms, at_ms)
            start_ms = at_ms - at_ms % WINDOW_MS
            if start_ms + WINDOW_MS + GRACE_MS <= stream_time_ms:
                late += 1
                continue
            window = windows[device, start_ms]
            window[0] += 1
            window[1] += row_id
        expected.update((key, tuple(window)) for key, window in windows.items()
                        if key[1] > stream_time_ms - RETENTION_MS)
    return expected, late


def expected_totals(partitions):
    """Expected rows of per_city: {city: (count, sum of amounts, newest id)}."""
    totals = {}
    for rows in partitions.values():
        for _, row_id, _ in rows:
            _, amount, city, _ = columns_of(row_id)
            count, total, newest = totals.get(city, (0, 0, -1))
            totals[city] = (count + 1, total + amount, max(newest, row_id))
    return totals


def expected_references(partitions):
    """Expected rows of the foreign-key joins: {city: (its count, count of the city that it refers to)}."""
    counts = {city: totals[0] for city, totals in expected_totals(partitions).items()}

    def other_of(count, among):
        return among.get(f"c{count % REFERRED}")

    some = {city: n for city, n in counts.items() if n % SOME_BUT}
    others = {city: n for city, n in counts.items() if n % OTHERS_BUT}
    return {
        "referring": {city: (n, other_of(n, others)) for city, n in some.items()
                      if other_of(n, others) is not None},
        "following": {city: (n, other_of(n, others)) for city, n in counts.items()},
    }


def expected_pairs(partitions):
    """Expected rows of met: (id, other) for each other event of the device that is large and near in time."""
    large, pairs = collections.defaultdict(list), []
    ids = [row[1] for rows in partitions.values() for row in rows]
    for row_id in ids:
        device, amount, _, at_ms = columns_of(row_id)
        if amount >= LARGE_FROM:
            large[device].append((at_ms, row_id))
    for times in large.values():
        times.sort()
    for row_id in ids:
        device, _, _, at_ms = columns_of(row_id)
        first = bisect.bisect_left(large[device], (at_ms - NEAR_MS,))
        for other_ms, other in large[device][first:]:
            if other_ms > at_ms + NEAR_MS:
                break
            pairs.append((row_id, other))
    return pairs


def expected_visits(partitions):
    """Expected rows of visits: {(device, start, end): (count, sum of ids)}."""
    times = collections.defaultdict(list)
    for rows in partitions.values():
        for _, row_id, _ in rows:
            device, _, _, at_ms = columns_of(row_id)
            times[device].append((at_ms, row_id))
    visits = {}
    for device, rows in times.items():
        rows.sort()
        visit = []
        for at_ms, row_id in rows + [(float("inf"), None)]:
            if visit and at_ms - visit[-1][0] > GAP_MS:
                visits[device, visit[0][0], visit[-1][0]] = (
                    len(visit), sum(its_id for _, its_id in visit))
                visit = []
            visit.append((at_ms, row_id))
    return visits


def _difference(what, found, expected):
    """At most three of the keys at which two dictionaries differ."""
    keys = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
    return [f"{what}: {len(keys)} of {len(expected)} entries are wrong"] * bool(keys) + [
        f"{what} {key}: {found.get(key)} instead of {expected.get(key)}" for key in keys[:3]]


# Kafka clients write to these relations all the time.
_GROWING = {name.upper() for name in (*cleanup_load.SOURCES, *transaction_load.SOURCES, "produced")}


def _lags(connection):
    """Lags of the queries whose inputs no longer grow."""
    return [row[4] for row in connection.execute("SHOW QUERIES").fetchall()
            if not _GROWING & {name.strip().upper() for name in row[2].split(",")}]


def _read_when_caught_up(connection, read, expected):
    """Reads the output of a query over another query's output: a look-up does not wait for both.

    The read is repeated as long as this or any other query makes progress: with no memory for their state, on one
    shard, the queries hold each other up, and a single one may stand still for minutes.
    """
    before, deadline = None, 0
    while True:
        began = time.monotonic()
        found = read()
        if found == expected:
            return found
        now, state = time.monotonic(), (found, _lags(connection))
        if state != before:
            before, deadline = state, now + _CATCH_UP_TIMEOUT_S
        elif now > deadline:
            return found
        time.sleep(max(0.05, now - began))  # reading takes time from the query


class Checker:
    """Remembers the log between checks: a record that was stored stays at its offset."""

    def __init__(self, ledger):
        self._ledger = ledger
        self._before = {"events": {}, "large": {}}

    def check(self, connection):
        """Returns complaints; empty if everything is right."""
        self._pass_all_that_is_there(connection)
        events = read_partitions(connection, "events")
        complaints = self._check_log("events", events)
        complaints += self._ledger.settle({row[1] for rows in events.values() for row in rows})
        complaints += self._check_filter(connection, events)
        complaints += self._check_tables(connection, events)
        complaints += self._check_join(connection, events)
        complaints += self._check_met(connection, events)
        complaints += self._check_visits(connection, events)
        complaints += self._check_zoned(connection, events)
        complaints += self._check_referring(connection, events)
        complaints += self._check_stamped(connection, events)
        return complaints + self._check_queries(connection)

    def _pass_all_that_is_there(self, connection):
        """After this, look-ups of the connection see all records that the log has now."""
        connection.execute(f"SET read.wait.ms = {_CATCH_UP_TIMEOUT_S * 1000}")
        markers = self._ledger.begin(_MARKERS, "the check's INSERT")
        rows = []
        for row_id in markers.ids:
            device, amount, city, at_ms = columns_of(row_id)
            rows.append(f"('{device}', {row_id}, {amount}, '{city}', {at_ms})")
        connection.execute("INSERT INTO events (device, id, amount, city, at_ms) VALUES "
                           + ", ".join(rows))
        markers.fate = Fate.STORED

    def _check_log(self, stream, partitions):
        complaints = []
        for number, rows in partitions.items():
            if [row[0] for row in rows] != list(range(len(rows))):
                complaints.append(f"{stream}: partition {number} has gaps in its offsets")
        for number, rows in self._before[stream].items():
            if partitions.get(number, [])[:len(rows)] != rows:
                complaints.append(f"{stream}: partition {number} no longer begins as it did before")
        ids = [row[1] for rows in partitions.values() for row in rows]
        doubles = [row_id for row_id, count in collections.Counter(ids).items() if count > 1]
        if doubles:
            complaints.append(f"{stream}: {len(doubles)} rows are there twice: {doubles[:5]}")
        wrong = [row_id for rows in partitions.values() for _, row_id, time_ms in rows
                 if time_ms != columns_of(row_id)[3]]
        if wrong:
            complaints.append(f"{stream}: {len(wrong)} rows have a wrong time: {wrong[:5]}")
        self._before[stream] = partitions
        return complaints

    def _check_filter(self, connection, events):
        expected = {number: [row[1] for row in rows if columns_of(row[1])[1] >= LARGE_FROM]
                    for number, rows in events.items()}
        large = {}

        def read():
            large.update(read_partitions(connection, "large"))
            return {number: [row[1] for row in rows] for number, rows in large.items()}

        found = _read_when_caught_up(connection, read, expected)
        complaints = self._check_log("large", large)
        for number, ids in expected.items():
            if found.get(number, []) != ids:
                there = len(found.get(number, []))
                complaints.append(f"large: partition {number} has {there} rows, the filter gives "
                                  f"{len(ids)}, or their order differs")
        lost = self._ledger.shown_ids - {row_id for ids in found.values() for row_id in ids}
        if lost:
            complaints.append(f"large: {len(lost)} rows are gone that a push query had shown")
        return complaints

    def _check_tables(self, connection, events):
        counts = {(device, int(start_ms)): (int(count), int(ids))
                  for device, start_ms, count, ids in _read(
                      connection, "SELECT device, WINDOWSTART, n, ids FROM per_device")}
        expected, late = expected_counts(events)
        complaints = _difference("per_device", counts, expected)
        complaints += self._check_late(connection, late)
        totals = {city: (int(count), int(total), int(newest)) for city, count, total, newest in
                  _read(connection, "SELECT city, n, total, newest FROM per_city")}
        complaints += _difference("per_city", totals, expected_totals(events))
        for city, shown in self._ledger.shown_counts.items():
            if totals.get(city, (0,))[0] < shown:
                complaints.append(f"per_city: a look-up had shown {shown} for {city}")
        return complaints

    @staticmethod
    def _check_late(connection, expected):
        late = {row[0]: row[8] for row in connection.execute("SHOW QUERIES").fetchall()
                if "PER_DEVICE" in row[0].upper()}
        if list(late.values()) == [expected]:
            return []
        return [f"per_device: {late} late rows are counted instead of {expected}"]

    @staticmethod
    def _check_join(connection, events):
        expected = sorted((row_id, ZONES[columns_of(row_id)[2]])
                          for rows in events.values() for _, row_id, _ in rows
                          if columns_of(row_id)[2] in ZONES)
        found = sorted((int(row_id), zone) for row_id, zone in
                       _read(connection, "SELECT id, zone FROM located"))
        if found == expected:
            return []
        once = set(found)
        return [f"located: {len(found)} rows, {len(found) - len(once)} of them repeated, "
                f"{len(once.symmetric_difference(expected))} others than the join gives"]

    @staticmethod
    def _check_met(connection, events):
        expected = collections.Counter(expected_pairs(events))
        found = _read_when_caught_up(
            connection,
            lambda: collections.Counter((int(row_id), int(other)) for row_id, other in
                                        _read(connection, "SELECT id, other FROM met")), expected)
        complaints = _difference("met", found, expected)
        # Whether met_or_not has a row for an event without a partner depends on the order in which the records arrive,
        # so only two facts are checked: no row appears twice, and each row with a partner is an expected one.
        rows = collections.Counter(_read(connection, "SELECT id, other FROM met_or_not"))
        twice = [row for row, count in rows.items() if count > 1]
        if twice:
            complaints.append(f"met_or_not: {len(twice)} rows are there twice: {twice[:3]}")
        wrong = [row for row in rows
                 if row[1] != "\\N" and (int(row[0]), int(row[1])) not in expected]
        if wrong:
            complaints.append(f"met_or_not: {len(wrong)} rows cannot be: {wrong[:3]}")
        return complaints

    @staticmethod
    def _check_visits(connection, events):
        expected = expected_visits(events)
        devices = ", ".join(f"'{device}'" for device in sorted({key[0] for key in expected}))
        if not devices:
            return []
        found = _read_when_caught_up(
            connection,
            lambda: {(device, int(start_ms), int(end_ms)): (int(count), int(ids))
                     for device, start_ms, end_ms, count, ids in _read(
                         connection, "SELECT device, WINDOWSTART, WINDOWEND, n, ids FROM visits "
                         f"WHERE device IN ({devices})")}, expected)
        return _difference("visits", found, expected)

    @staticmethod
    def _check_zoned(connection, events):
        expected = {city: (totals[0], ZONES[city])
                    for city, totals in expected_totals(events).items() if city in ZONES}
        found = _read_when_caught_up(
            connection,
            lambda: {city: (int(count), zone) for city, count, zone in
                     _read(connection, "SELECT city, n, zone FROM zoned")}, expected)
        return _difference("zoned", found, expected)

    @staticmethod
    def _check_referring(connection, events):
        complaints = []
        for name, expected in expected_references(events).items():
            found = _read_when_caught_up(
            connection,
                lambda name=name: {
                    city: (int(count), None if other == "\\N" else int(other))
                    for city, count, other in
                    _read(connection, f"SELECT city, n, other FROM {name}")}, expected)
            complaints += _difference(name, found, expected)
        return complaints

    @staticmethod
    def _check_stamped(connection, events):
        """Each event passed once and in order, through one definition or its successor."""
        expected = {number: [row[1] for row in rows] for number, rows in events.items()}

        def read():
            partitions = collections.defaultdict(list)
            for partition, offset, row_id, stamp in _read(
                    connection, "SELECT ROWPARTITION, ROWOFFSET, id, stamp FROM stamped"):
                partitions[int(partition)].append((int(offset), int(row_id), int(stamp)))
            return {number: sorted(rows) for number, rows in partitions.items()}

        found = {}

        def ids():
            found.clear()
            found.update(read())
            return {number: [row[1] for row in rows] for number, rows in found.items()}

        there = _read_when_caught_up(connection, ids, expected)
        complaints = _difference("stamped: partition", there, expected)
        complaints += [f"stamped: partition {number} went back to an older definition"
                       for number, rows in found.items()
                       if any(b[2] < a[2] for a, b in zip(rows, rows[1:]))]
        counts = {city: totals[0] for city, totals in expected_totals(events).items()}
        cities = {city: int(count) for city, count in
                  _read(connection, "SELECT city, n FROM stamped_cities")}
        return complaints + _difference("stamped_cities", cities, counts)

    @staticmethod
    def _check_queries(connection):
        before, deadline = None, 0
        while True:
            rows = connection.execute("SHOW QUERIES").fetchall()
            lags = [row[4] for row in rows]
            if lags != before:
                before, deadline = lags, time.monotonic() + patience(_CATCH_UP_TIMEOUT_S)
            complaints = [f"SHOW QUERIES: {row}" for row in rows
                          if row[1] != "RUNNING" or row[4] != 0 or row[6] != 0 or row[7]]
            if len(rows) != _QUERIES:
                complaints.append(f"SHOW QUERIES: {len(rows)} queries, not {_QUERIES}")
            if not complaints or time.monotonic() > deadline:
                return complaints
            time.sleep(0.05)


class LeftoversCheck:
    """Remembers the partitions through which queries exchange records: they stay the same between checks."""

    def __init__(self, data_dir):
        self._data_dir = data_dir
        self._exchanges = None

    def check(self, connection):
        """Complaints about entries of the files that belong to no object, soon after a drop."""
        if data_files.reason_to_skip():
            return []
        queries = {row[0] for row in connection.execute("SHOW QUERIES EXTENDED").fetchall()}
        partitions = sum(row[1] for row in connection.execute("SHOW ALL TOPICS").fetchall())
        before, deadline = None, 0
        while True:
            complaints = data_files.leftovers(self._data_dir, queries, partitions, self._exchanges)
            if not complaints:
                self._exchanges = data_files.internal_partitions(self._data_dir)
                return []
            if complaints != before:  # data that are removed step by step get time for each step
                before, deadline = complaints, time.monotonic() + patience(_REMOVED_WITHIN_S)
            if time.monotonic() > deadline:
                return complaints
            time.sleep(0.2)


def is_alarming(line):
    """Whether a line of the server's log reports that data or an invariant is at risk."""
    return " error " in line[:40] or "Assertion" in line or "Sanitizer" in line


def snapshot(connection):
    """Everything that a client can see."""
    return {
        "events": read_partitions(connection, "events"),
        "large": read_partitions(connection, "large"),
        "produced": sorted(read_produced(connection)),
        "located": sorted(_read(connection, "SELECT ROWPARTITION, ROWOFFSET, id FROM located")),
        "per_device": sorted(_read(connection, "SELECT * FROM per_device")),
        "per_city": sorted(_read(connection, "SELECT * FROM per_city")),
        "met": sorted(_read(connection, "SELECT ROWPARTITION, ROWOFFSET, id, other FROM met")),
        "zoned": sorted(_read(connection, "SELECT * FROM zoned")),
        "referring": sorted(_read(connection, "SELECT * FROM referring")),
        "following": sorted(_read(connection, "SELECT * FROM following")),
        "stamped": sorted(_read(connection, "SELECT * FROM stamped")),
        "stamped_cities": sorted(_read(connection, "SELECT * FROM stamped_cities")),
        "streams": connection.execute("SHOW STREAMS").fetchall(),
        "tables": connection.execute("SHOW TABLES").fetchall(),
        "queries": [row[:4] for row in connection.execute("SHOW QUERIES").fetchall()],
    }
