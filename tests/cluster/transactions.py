"""Transactions of several clients, and a group that moves what is committed to another topic, in transactions likewise."""
from cluster_cases import all_is_well
from cluster_sql import connect, run_on
from patience import Deadline
from transaction_load import SCHEMA, ClientWriter, TransactionLoad

try:
    from confluent_kafka import KafkaException, Producer
except ImportError:
    Producer = None
try:
    import psycopg
except ImportError:
    psycopg = None

_ENDED_WITHIN_S = 60


class _Patient:
    """Repeats a query: on a busy machine a leader may not answer in time, and the query then fails with that error."""

    def __init__(self, world):
        self.world = world

    def execute(self, query):
        until = Deadline(_ENDED_WITHIN_S)
        while True:
            try:
                with connect(self.world.running()[0]) as session:
                    return _Rows(session.execute(query).fetchall())
            except psycopg.Error:
                if until.is_over():
                    raise


class _Rows(list):
    def fetchall(self):
        return self


class Transactions(TransactionLoad):
    """The transactions of the crash rounds, by clients that look for the coordinators and leaders."""

    KINDS = ((ClientWriter, "client"),)

    def __init__(self, world, seed):
        run_on(world.nodes[1], *SCHEMA)
        all_is_well(world)
        self.world = world
        super().__init__(world.bootstrap, seed)

    def progress(self):
        return self.record_count()

    def complaints(self):
        return super().complaints(_Patient(self.world))

    def end_open(self, name):
        until = Deadline(_ENDED_WITHIN_S)
        while True:
            try:
                return Producer({"bootstrap.servers": self.address, "transactional.id": name}).init_transactions(20)
            except KafkaException as error:
                if not error.args[0].retriable() or until.is_over():
                    raise

    def summary(self):
        return f"{self.record_count()} records in transactions"
