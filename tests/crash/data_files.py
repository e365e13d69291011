"""Reads the contents of log.mdb and state.mdb with LMDB's own library, without the server's code.

docs/formats/data-directory.md describes the tables. A server may have the files open meanwhile.
"""
import collections
import contextlib
import ctypes
import ctypes.util
import os
import struct

_LIBRARY = ctypes.util.find_library("lmdb")
_NO_SUBDIRECTORY, _READ_ONLY, _NO_TLS = 0x4000, 0x20000, 0x200000
_NOT_FOUND = -30798
_NEXT = 8
_MAP_SIZE = 1 << 40
_MAX_TABLES = 20_000
_CLIENT = 0  # kind of a partition
_JOURNAL = b"\0" * 10 + b"_tasks"  # the topic of the tasks' commits
# Tables whose keys begin with the number of a partition's log.
_BY_LOG_NUMBER = ("exchanges", "producers", "timestamps", "append-times")


def reason_to_skip():
    return None if _LIBRARY else "LMDB's library is not installed"


class _Bytes(ctypes.Structure):
    _fields_ = (("size", ctypes.c_size_t), ("data", ctypes.c_void_p))

    def copy(self):
        return ctypes.string_at(self.data, self.size)


class _Failed(Exception):
    pass


class _File:
    """One transaction that reads an LMDB file."""

    def __init__(self, lmdb, path):
        self._lmdb = lmdb
        self._environment, self._transaction = ctypes.c_void_p(), ctypes.c_void_p()
        self._call("mdb_env_create", ctypes.byref(self._environment))
        self._call("mdb_env_set_mapsize", self._environment, ctypes.c_size_t(_MAP_SIZE))
        self._call("mdb_env_set_maxdbs", self._environment, ctypes.c_uint(_MAX_TABLES))
        self._call("mdb_env_open", self._environment, path.encode(),
                   ctypes.c_uint(_NO_SUBDIRECTORY | _READ_ONLY | _NO_TLS), ctypes.c_uint(0o600))
        self._call("mdb_txn_begin", self._environment, None, ctypes.c_uint(_READ_ONLY),
                   ctypes.byref(self._transaction))

    def close(self):
        self._lmdb.mdb_txn_abort(self._transaction)
        self._lmdb.mdb_env_close(self._environment)

    def names(self):
        return [key.decode() for key in self.keys(None)]

    def keys(self, table):
        return [key for key, _ in self.entries(table)]

    def entries(self, table):
        """All entries of a table, in order; None is the table of tables."""
        handle, cursor = ctypes.c_uint(), ctypes.c_void_p()
        self._call("mdb_dbi_open", self._transaction, table and table.encode(), ctypes.c_uint(0),
                   ctypes.byref(handle))
        self._call("mdb_cursor_open", self._transaction, handle, ctypes.byref(cursor))
        found, key, value = [], _Bytes(), _Bytes()
        try:
            while True:
                status = self._lmdb.mdb_cursor_get(cursor, ctypes.byref(key), ctypes.byref(value),
                                                   ctypes.c_int(_NEXT))
                if status == _NOT_FOUND:
                    return found
                if status:
                    raise _Failed(f"mdb_cursor_get: {status}")
                found.append((key.copy(), value.copy()))
        finally:
            self._lmdb.mdb_cursor_close(cursor)

    def _call(self, name, *arguments):
        status = getattr(self._lmdb, name)(*arguments)
        if status:
            raise _Failed(f"{name}: {status}")


@contextlib.contextmanager
def _open(path):
    lmdb = ctypes.CDLL(_LIBRARY)
    for nothing in (lmdb.mdb_txn_abort, lmdb.mdb_env_close, lmdb.mdb_cursor_close):
        nothing.restype = None
    file = _File(lmdb, path)
    try:
        yield file
    finally:
        file.close()


def _number(key):
    return struct.unpack(">q", key[:8])[0]


def _query_of(task):
    """The query of a task; `CTAS_PER_CITY_3/0/2` has query, stage and number."""
    return task.rsplit("/", 2)[0]


def internal_partitions(data_dir):
    """(topic id, partition) of each partition through which queries exchange records."""
    with _open(os.path.join(data_dir, "log.mdb")) as log:
        return {key for key, row in log.entries("partitions") if row[0] != _CLIENT and not _is_journal(key)}


def leftovers(data_dir, queries, client_partitions, exchange_partitions):
    """Complaints about entries of either file that belong to no object.

    `queries`: names of all defined queries; `client_partitions`: number of partitions of the topics that clients
    see; `exchange_partitions`: see internal_partitions().
    """
    return (_left_in_log(os.path.join(data_dir, "log.mdb"), queries, client_partitions,
                         exchange_partitions)
            + _left_in_state(os.path.join(data_dir, "state.mdb"), queries))


def _left_in_log(path, queries, client_partitions, exchange_partitions):
    complaints = []
    with _open(path) as log:
        names = log.names()
        partitions = log.entries("partitions")
        of_clients = {key for key, row in partitions if row[0] == _CLIENT}
        internal = {key for key, row in partitions if row[0] != _CLIENT and not _is_journal(key)}
        log_numbers = {_number(row[1:]) for _, row in partitions}
        journals = {_number(row[1:]) for key, row in partitions if _is_journal(key)}
        tasks = {task.decode(): _number(row[4:]) for task, row in log.entries("tasks")}
        if len(of_clients) != client_partitions:
            complaints.append(f"log.mdb: {len(of_clients)} partitions of clients' topics instead of "
                              f"{client_partitions}")
        if exchange_partitions is not None and internal != exchange_partitions:
            complaints.append(f"log.mdb: {len(internal - exchange_partitions)} partitions of "
                              f"exchanges too many, {len(exchange_partitions - internal)} missing")
        batches = [name for name in names if name.startswith("log-")]
        if len(batches) != len(of_clients):
            complaints.append(f"log.mdb: {len(batches)} tables of batches for {len(of_clients)} "
                              "partitions")
        if log.entries("removals"):
            complaints.append(f"log.mdb: {len(log.entries('removals'))} ranges still to be removed")
        for table in _BY_LOG_NUMBER:
            complaints += _strangers(f"log.mdb: {table}", log.keys(table), log_numbers)
        complaints += _left_in_journals(log, journals, tasks)
        gone = sorted(task for task in tasks if _query_of(task) not in queries)
        if gone:
            complaints.append(f"log.mdb: tasks of no query: {gone[:5]}")
    return complaints


def _is_journal(partition_key):
    return partition_key.startswith(_JOURNAL)


def _left_in_journals(log, journals, first_entries):
    """Complaints about commits of tasks that do not exist, or that precede the first commit that a task needs."""
    left = collections.Counter()
    for key, batch in log.entries("exchanges"):
        if _number(key) in journals:
            task, offset = _task_of(batch), _number(batch)
            if offset < first_entries.get(task, offset + 1):
                left[task] += 1
    return [f"log.mdb: {sum(left.values())} commits of tasks that are gone: {sorted(left)[:5]}"] if left else []


def _task_of(batch):
    """The key of the only record of a record batch, version 2."""
    at = 61

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = batch[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return (value >> 1) ^ -(value & 1)

    varint()  # length
    at += 1   # attributes
    varint()  # timestamp
    varint()  # offset
    size = varint()
    return batch[at:at + size].decode()


def _strangers(where, keys, owners):
    """Complaints about entries whose key does not begin with the number of one of the owners."""
    counts = collections.Counter(_number(key) for key in keys)
    strange = {owner: count for owner, count in counts.items() if owner not in owners}
    return [f"{where}: {sum(strange.values())} entries belong to nothing that is there: "
            f"{sorted(strange)[:5]}"] if strange else []


def _left_in_state(path, queries):
    complaints = []
    if not os.path.exists(path):
        return complaints
    with _open(path) as state:
        there = set(state.names())
        tables = {name: state.entries(name) if name in there else []
                  for name in ("stores", "positions", "dropped", "entries")}
    stores = {store[:4]: key.split(b"\0")[0].decode() for key, store in tables["stores"]}
    tasks = {*stores.values(), *(key.decode() for key, _ in tables["positions"])}
    gone = sorted(task for task in tasks if _query_of(task) not in queries)
    if gone:
        complaints.append(f"state.mdb: state of no query: {gone[:5]}")
    if tables["dropped"]:
        complaints.append(f"state.mdb: {len(tables['dropped'])} stores still to be removed")
    strange = collections.Counter(key[:4] for key, _ in tables["entries"] if key[:4] not in stores)
    if strange:
        complaints.append(f"state.mdb: {sum(strange.values())} entries of {len(strange)} stores "
                          "that belong to nothing")
    return complaints
