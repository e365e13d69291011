import java.time.Duration;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.utils.AppInfoParser;

/** The Java client at a cluster: the roles that check_cluster.py tells of. */
public class ClusterClient {
  static final int KEYS = 12, KEYS_AT_ONCE = 4, PAUSE_MS = 20;
  static volatile boolean stopping = false;

  static synchronized void say(Object... words) {
    var now = java.time.Instant.now();
    System.out.println(now.getEpochSecond() * 1_000_000_000L + now.getNano() + " " + Arrays.stream(words).map(String::valueOf).collect(Collectors.joining(" ")));
  }

  static void complain(String where, Exception error) {
    say("error", where, error.getClass().getSimpleName(), String.valueOf(error.getMessage()).replace("\n", " "));
  }

  static Properties common(String bootstrap) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    for (String each : List.of("key", "value")) {
      p.put(each + ".serializer", "org.apache.kafka.common.serialization.StringSerializer");
      p.put(each + ".deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    }
    p.put("linger.ms", "5");
    return p;
  }

  static void produce(String bootstrap, String topic) throws Exception {
    int number = 0;
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(common(bootstrap))) {
      while (!stopping) {
        for (int i = 0; i < KEYS_AT_ONCE; ++i, ++number) {
          String key = "k" + number % KEYS, value = key + "-" + number / KEYS;
          producer.send(new ProducerRecord<>(topic, key, value), (told, error) -> {
            if (error == null) say("ack", told.partition(), told.offset(), value);
            else say("failed", value, error.getClass().getSimpleName(), error.getMessage());
          });
        }
        Thread.sleep(PAUSE_MS);
      }
    }
    say("left", 0);
  }

  static KafkaConsumer<String, String> consumer(String bootstrap, String group, String protocol) {
    Properties p = common(bootstrap);
    p.put("group.id", group);
    p.put("group.protocol", protocol);
    p.put("enable.auto.commit", "false");
    p.put("auto.offset.reset", "earliest");
    p.put("isolation.level", "read_committed");
    return new KafkaConsumer<>(p);
  }

  static String listed(Collection<TopicPartition> places) {
    return places.stream().map(each -> "" + each.partition()).collect(Collectors.joining(","));
  }

  static ConsumerRecords<String, String> poll(KafkaConsumer<String, String> consumer) {
    try {
      return consumer.poll(Duration.ofMillis(200));
    } catch (KafkaException error) {
      complain("poll", error);
      return ConsumerRecords.empty();
    }
  }

  static Map<TopicPartition, OffsetAndMetadata> behind(ConsumerRecords<String, String> records) {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    for (var record : records)
      offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
    return offsets;
  }

  /** What has not been committed stays for the next time. */
  static void commit(KafkaConsumer<String, String> consumer, Map<TopicPartition, OffsetAndMetadata> pending) {
    if (pending.isEmpty()) return;
    try {
      consumer.commitSync(pending);
      pending.forEach((place, offset) -> say("committed", place.partition(), offset.offset()));
      pending.clear();
    } catch (KafkaException error) {
      complain("commit", error);
    }
  }

  static ConsumerRebalanceListener listener(KafkaConsumer<String, String> consumer, Map<TopicPartition, OffsetAndMetadata> pending) {
    return new ConsumerRebalanceListener() {
      public void onPartitionsAssigned(Collection<TopicPartition> places) { say("assigned", listed(places)); }

      public void onPartitionsRevoked(Collection<TopicPartition> places) {
        commit(consumer, pending);
        pending.keySet().removeAll(places);
        say("revoked", listed(places));
      }

      public void onPartitionsLost(Collection<TopicPartition> places) {
        pending.keySet().removeAll(places);
        say("lost", listed(places));
      }
    };
  }

  static void consume(String bootstrap, String topic, String group, String protocol) {
    Map<TopicPartition, OffsetAndMetadata> pending = new HashMap<>();
    try (KafkaConsumer<String, String> consumer = consumer(bootstrap, group, protocol)) {
      consumer.subscribe(List.of(topic), listener(consumer, pending));
      while (!stopping) {
        var records = poll(consumer);
        for (var record : records) say("got", record.partition(), record.offset(), record.value());
        pending.putAll(behind(records));
        commit(consumer, pending);
      }
    }
  }

  static KafkaProducer<String, String> beginProducer(String bootstrap, String id) {
    Properties p = common(bootstrap);
    p.put("transactional.id", id);
    while (true) {
      KafkaProducer<String, String> producer = new KafkaProducer<>(p);
      try {
        producer.initTransactions();
        return producer;
      } catch (KafkaException error) {
        complain("initTransactions", error);
        producer.close(Duration.ZERO);
      }
    }
  }

  /** As the client's documentation has it: what has only lasted too long is asked for again. */
  static void again(String where, Runnable call) {
    while (true) {
      try {
        call.run();
        return;
      } catch (TimeoutException error) {
        complain(where, error);
      }
    }
  }

  static void rewind(KafkaConsumer<String, String> consumer) {
    again("committed", () -> consumer.committed(consumer.assignment()).forEach((place, offset) -> {
      if (offset != null) consumer.seek(place, offset);
    }));
    // Partitions without a committed offset are read from the beginning.
    again("committed", () -> {
      var without = new ArrayList<TopicPartition>();
      consumer.committed(consumer.assignment()).forEach((place, offset) -> { if (offset == null) without.add(place); });
      if (!without.isEmpty()) consumer.seekToBeginning(without);
    });
  }

  static void move(String bootstrap, String source, String target, String group, String id) {
    KafkaProducer<String, String> producer = beginProducer(bootstrap, id);
    try (KafkaConsumer<String, String> consumer = consumer(bootstrap, group, "classic")) {
      consumer.subscribe(List.of(source), listener(consumer, new HashMap<>()));
      while (!stopping) {
        var records = poll(consumer);
        if (records.isEmpty()) continue;
        try {
          producer.beginTransaction();
          for (var record : records) producer.send(new ProducerRecord<>(target, record.key(), record.value()));
          producer.sendOffsetsToTransaction(behind(records), consumer.groupMetadata());
          again("commitTransaction", producer::commitTransaction);
          say("moved", records.count());
        } catch (KafkaException error) {
          complain("transaction", error);
          try {
            again("abortTransaction", producer::abortTransaction);
            say("aborted", records.count());
          } catch (KafkaException worse) {
            complain("abortTransaction", worse);
            say("restart");
            producer.close(Duration.ZERO);
            producer = beginProducer(bootstrap, id);
          }
          rewind(consumer);
        }
      }
    }
    producer.close();
  }

  public static void main(String[] args) throws Exception {
    say("version", "kafka-clients " + AppInfoParser.getVersion());
    Thread end = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (java.io.IOException gone) {
      }
      stopping = true;
    });
    end.setDaemon(true);
    end.start();
    switch (args[0]) {
      case "produce" -> produce(args[1], args[2]);
      case "consume" -> consume(args[1], args[2], args[3], args[4]);
      case "move" -> move(args[1], args[2], args[3], args[4], args[5]);
      default -> throw new IllegalArgumentException(args[0]);
    }
  }
}
