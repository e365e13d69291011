"""What clients tell their programs of when nodes of Apache Kafka die, and so may tell when ours do."""

_REFUSED = "a node that is down refuses connections"
_MOVED = "its coordinator has moved"
_STALE = "a commit while its group is being divided anew: KIP-848 leaves that to the program"

# Of each client: (where, error), as its program in cluster_clients/ names them, and why it is none of the server's.
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
        ("commit", "KError_25"): "its group has been divided anew meanwhile",
        ("group", "sarama.ConsumerError"): "the connection to who led has ended",
    },
    "java": {
        ("commit", "CommitFailedException"): _STALE,
    },
}

# Movers of these may stand still for good when nodes of Apache Kafka die: kafka-python 3.0.12's transactions do not go on where their
# coordinator, or who leads what they write to, does not answer. librdkafka 2.16.0's send_offsets_to_transaction() waits without a limit
# where the group's coordinator goes while it is looked for.
STANDS_STILL = ["kafka-python", "confluent"]


def is_kafkas_own(client, where, error):
    """Why it is expected, or that it is not."""
    return EXPECTED.get(client.split(" ")[0], {}).get((where, error), "UNEXPECTED")


def expected(client, where, error):
    return is_kafkas_own(client, where, error) != "UNEXPECTED"
