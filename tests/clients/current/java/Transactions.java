import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;

/** Transactions of the current Java client, with a group by the consumer protocol: moves numbers from one topic to another. */
public class Transactions {
  static final int NUMBERS = 200;

  static Properties common(String server) {
    Properties p = new Properties();
    p.put("bootstrap.servers", server);
    p.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    p.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("isolation.level", "read_committed");
    p.put("auto.offset.reset", "earliest");
    p.put("enable.auto.commit", "false");
    p.put("group.protocol", "consumer");
    p.put("linger.ms", "0");
    return p;
  }

  static KafkaConsumer<String, String> consumer(String server, String group) {
    Properties p = common(server);
    p.put("group.id", group);
    return new KafkaConsumer<>(p);
  }

  static KafkaProducer<String, String> producer(String server, String id) {
    Properties p = common(server);
    p.put("transactional.id", id);
    KafkaProducer<String, String> producer = new KafkaProducer<>(p);
    producer.initTransactions();
    return producer;
  }

  static Map<TopicPartition, OffsetAndMetadata> behind(ConsumerRecords<String, String> records) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (ConsumerRecord<String, String> record : records)
      offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
    return offsets;
  }

  static List<Integer> readAll(String server, String topic, int count) {
    List<Integer> numbers = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(server, "check-" + UUID.randomUUID())) {
      consumer.subscribe(List.of(topic));
      long deadline = System.currentTimeMillis() + 30_000;
      while (numbers.size() < count && System.currentTimeMillis() < deadline)
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200)))
          numbers.add(Integer.parseInt(record.value()));
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500)))
        numbers.add(Integer.parseInt(record.value()));
    }
    Collections.sort(numbers);
    return numbers;
  }

  public static void main(String[] args) throws Exception {
    String server = args[0];
    List<Integer> expected = new ArrayList<>();
    try (KafkaProducer<String, String> producer = producer(server, "java-source")) {
      for (int number = 0; number < NUMBERS; number += 4) {
        producer.beginTransaction();
        for (int each = number; each < number + 4; ++each)
          producer.send(new ProducerRecord<>("java-from", "k" + each, "" + each));
        if (number % 12 == 8) {
          producer.abortTransaction();
        } else {
          producer.commitTransaction();
          for (int each = number; each < number + 4; ++each) expected.add(each);
        }
      }
    }
    int moved = 0, turns = 0;
    try (KafkaProducer<String, String> producer = producer(server, "java-mover");
        KafkaConsumer<String, String> consumer = consumer(server, "java-movers")) {
      consumer.subscribe(List.of("java-from"));
      long deadline = System.currentTimeMillis() + 60_000;
      while (moved < expected.size() && System.currentTimeMillis() < deadline) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) continue;
        producer.beginTransaction();
        for (ConsumerRecord<String, String> record : records)
          producer.send(new ProducerRecord<>("java-to", record.key(), record.value()));
        producer.sendOffsetsToTransaction(behind(records), consumer.groupMetadata());
        if (turns++ == 0) {
          producer.abortTransaction();
          for (TopicPartition partition : records.partitions())
            consumer.seek(partition, records.records(partition).get(0).offset());
          continue;
        }
        producer.commitTransaction();
        moved += records.count();
      }
    }
    List<Integer> found = readAll(server, "java-to", expected.size());
    if (!found.equals(expected)) throw new AssertionError("moved " + found + ", not " + expected);
    System.out.println("moved " + found.size());
  }
}
