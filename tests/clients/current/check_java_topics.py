"""The current Java client: subscriptions to a pattern that the server matches, topics by id, settings for all topics.

MILLRACE_KAFKA_JARS: a folder with kafka-clients 4.1 or later and slf4j-api. Needs javac.
"""
import subprocess

import kafka_wire as wire
from java_programs import classes, java
from millrace_server import case, launch, run

RECORDS = 5


@case
def java_names_topics_by_their_ids():
    path, server = classes("java_topics"), launch()
    with wire.Connection(server.kafka) as connection:
        for topic in ("orders-1", "orders-2", "other"):
            connection.create_topic(topic)
            for number in range(RECORDS):
                assert connection.produce(topic, wire.batch_of(b"%d" % number).encode())[0] == 0
    program = java(path, "TopicsById", server.kafka, str(2 * RECORDS), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    printed, complained = program.communicate(timeout=180)
    assert program.returncode == 0 and "done" in printed, complained[-3000:]
    server.stop()


if __name__ == "__main__":
    run()
