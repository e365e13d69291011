#!/usr/bin/python3
"""A repartitioned stream finds the rows that a table had at the times of its records, each time that a query reads
them all."""
import bisect
import collections
import json
import random

from millrace_server import Deadline, Skipped, case, launch, patience, run, wait_until

try:
    import confluent_kafka
    import psycopg
    from confluent_kafka import TopicPartition
except ImportError:
    confluent_kafka = None

PARTITIONS, TABLE_PARTITIONS = 4, 3
RECORDS, VERSIONS, KEYS = 4_000, 4_000, 100  # records in each partition
PATIENCE_S = 60


class World:
    def __init__(self):
        if confluent_kafka is None:
            raise Skipped("confluent_kafka or psycopg is not installed")
        self.server = launch()
        self.connection = psycopg.connect(host=self.server.host, port=self.server.port, user="test", autocommit=True)
        self.connection.execute("CREATE STREAM sales (city VARCHAR, n INT, at BIGINT) WITH (KAFKA_TOPIC = 'sales', "
                                f"PARTITIONS = {PARTITIONS}, VALUE_FORMAT = 'JSON', TIMESTAMP = 'at')")
        self.connection.execute("CREATE TABLE rates (city VARCHAR PRIMARY KEY, rate INT, since BIGINT) WITH (KAFKA_TOPIC = 'rates', "
                                f"PARTITIONS = {TABLE_PARTITIONS}, VALUE_FORMAT = 'JSON', TIMESTAMP = 'since')")
        # The client partitions keys as the server does.
        self.producer = confluent_kafka.Producer({"bootstrap.servers": self.server.kafka, "partitioner": "murmur2_random"})
        self.expected = self.produce_sales(self.produce_rates())
        assert self.producer.flush(PATIENCE_S) == 0

    def produce_rates(self):
        """Returns, for each city, the times from which on it had a rate."""
        chance, times = random.Random(1), collections.defaultdict(list)
        for rate in range(VERSIONS):
            city = f"c{chance.randrange(KEYS)}"
            self.send("rates", {"RATE": rate, "SINCE": rate * 10}, key=city.encode())
            times[city].append(rate * 10)
        return times

    def produce_sales(self, times):
        """The expected join. If a record is older than the record before it, it sees the row that the record before it
        saw."""
        chance, expected = random.Random(2), collections.Counter()
        for partition in range(PARTITIONS):
            newest = 0
            for i in range(RECORDS):
                at, city = max(0, i * 10 + chance.randrange(-100, 100)), f"c{chance.randrange(KEYS + 10)}"
                newest = max(newest, at)
                known = bisect.bisect_right(times[city], newest)
                number = partition * RECORDS + i
                self.send("sales", {"CITY": city, "N": number, "AT": at}, partition=partition)
                expected[number, times[city][known - 1] // 10 if known else None] += 1
        return expected

    def send(self, topic, value, **where):
        self.producer.produce(topic, json.dumps(value).encode(), **where)
        self.producer.poll(0)

    def written(self, topic):
        """Returns the rows as soon as their number is that of the records, or after the time-out."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.server.kafka, "group.id": "none"})
        partitions = [TopicPartition(topic, each, 0) for each in consumer.list_topics(topic, 10).topics[topic].partitions]

        def ends():
            return sum(consumer.get_watermark_offsets(each, patience(10))[1] for each in partitions)
        count = PARTITIONS * RECORDS
        wait_until(lambda: ends() >= count, lambda: f"{ends()} rows of {count}", PATIENCE_S)
        consumer.assign(partitions)
        rows = collections.Counter()
        deadline = Deadline(PATIENCE_S)
        while rows.total() < count:
            deadline.check(lambda: f"{rows.total()} rows of {count} could be read")
            for message in consumer.consume(1_000, 0.5):
                if message.error():
                    continue
                value = json.loads(message.value())
                rows[value["N"], value["RATE"]] += 1
        consumer.close()
        return rows

    def close(self):
        self.connection.close()
        self.server.stop()


@case
def every_reading_gives_the_result_of_the_times():
    world = World()
    try:
        for _ in range(3):
            world.connection.execute("CREATE STREAM priced AS SELECT s.city AS city, n, rate FROM sales s LEFT JOIN rates r ON s.city = r.city")
            found = world.written("priced")
            wrong = (found - world.expected).total()
            assert wrong == 0, f"{wrong} of {found.total()} rows are others: {list((found - world.expected).items())[:3]}"
            world.connection.execute("DROP STREAM priced DELETE TOPIC")
    finally:
        world.close()


run()
