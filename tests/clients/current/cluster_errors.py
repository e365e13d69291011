"""Errors that clients report to their programs when nodes of Apache Kafka die. When nodes of Millrace die, only these
errors are permitted."""

_REFUSED = "a node that is down refuses connections"
_MOVED = "its coordinator has moved"
_STALE = "a commit while the partitions of its group are divided again: KIP-848 leaves that to the program"

# The errors of each client that are no fault of the server. Each entry has the call and the error, as the client's
# program in cluster_clients/ prints them, and the reason for the error.
EXPECTED = {
    "confluent": {
        ("client", "_TRANSPORT"): _REFUSED,
        ("client", "_ALL_BROKERS_DOWN"): "librdkafka has no connection at that moment",
        ("commit", "COORDINATOR_LOAD_IN_PROGRESS"): "who has just become the coordinator reads first what it has to know",
        ("commit", "NOT_COORDINATOR"): _MOVED,
        ("commit", "STALE_MEMBER_EPOCH"): _STALE,
        ("send_offsets", "_DESTROY_BROKER"): "librdkafka does not try TxnOffsetCommit again when it forgets the node (2.16.0)",
    },
    "kafka-python": {
        ("poll", "UnknownBrokerIdError"): "it believes who leads now, and asks whom it has not heard of yet (3.0.12)",
    },
    "franz-go": {
        ("commit", "unable_to_dial"): _REFUSED,
        ("end", "unable_to_dial"): _REFUSED,
        ("poll", "unable_to_join_group_session"): _REFUSED,
        ("commit", "COORDINATOR_NOT_AVAILABLE"): _MOVED,
        ("commit", "NOT_COORDINATOR"): _MOVED,
        ("commit", "STALE_MEMBER_EPOCH"): _STALE,
    },
    "sarama": {
        ("group", "net.OpError"): _REFUSED,
        ("consume", "net.OpError"): _REFUSED,
        ("commit", "net.OpError"): _REFUSED,
        ("commit", "KError_25"): "the partitions of its group were divided again meanwhile",
        ("group", "sarama.ConsumerError"): "the connection to who led has ended",
    },
    "java": {
        ("commit", "CommitFailedException"): _STALE,
    },
}

# The test programs of these clients may stop for ever when nodes of Apache Kafka die: a transaction of kafka-python
# 3.0.12 does not continue if its coordinator, or the leader of its partition, does not answer.
# send_offsets_to_transaction() of librdkafka 2.16.0 waits without a limit if the group's coordinator dies while the
# client looks for it.
STANDS_STILL = ["kafka-python", "confluent"]


def is_kafkas_own(client, where, error):
    """The reason why the error is expected, or "UNEXPECTED"."""
    return EXPECTED.get(client.split(" ")[0], {}).get((where, error), "UNEXPECTED")


def expected(client, where, error):
    return is_kafkas_own(client, where, error) != "UNEXPECTED"
