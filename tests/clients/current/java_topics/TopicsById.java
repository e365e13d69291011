import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicIdException;

/** Requests of the current Java client that name topics by id, and settings for all topics. Ends with "done". */
public class TopicsById {
  static Properties common(String server) {
    Properties p = new Properties();
    p.put("bootstrap.servers", server);
    p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("auto.offset.reset", "earliest");
    p.put("group.protocol", "consumer");
    p.put("group.id", "pattern");
    return p;
  }

  /** The server matches the pattern (KIP-848) and assigns topics by id, whose names the client asks for. */
  static void readsByPattern(String server, int expected) {
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(common(server))) {
      consumer.subscribe(new SubscriptionPattern("orders-.*"));
      Set<String> topics = new TreeSet<>();
      int found = 0;
      for (int polls = 0; found < expected && polls < 300; ++polls)
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
          topics.add(record.topic());
          ++found;
        }
      if (found != expected || topics.size() != 2) throw new AssertionError(found + " records of " + topics);
    }
  }

  static void describesById(Admin admin) throws Exception {
    Uuid id = admin.describeTopics(List.of("orders-1")).allTopicNames().get().get("orders-1").topicId();
    TopicDescription found = admin.describeTopics(TopicCollection.ofTopicIds(List.of(id))).allTopicIds().get().get(id);
    if (!found.name().equals("orders-1")) throw new AssertionError(found);
    try {
      admin.describeTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).allTopicIds().get();
      throw new AssertionError("an unknown id was described");
    } catch (ExecutionException error) {
      if (!(error.getCause() instanceof UnknownTopicIdException)) throw error;
    }
  }

  static void setsDefaults(Admin admin) throws Exception {
    ConfigResource brokers = new ConfigResource(ConfigResource.Type.BROKER, "");
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "orders-1");
    ConfigEntry entry = new ConfigEntry("log.retention.ms", "604800000");
    admin.incrementalAlterConfigs(Map.of(brokers, List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.SET)))).all().get();
    ConfigEntry retention = admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms");
    if (!retention.value().equals("604800000") || retention.source() != ConfigEntry.ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG)
      throw new AssertionError(retention);
    admin.incrementalAlterConfigs(Map.of(brokers, List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.DELETE)))).all().get();
    retention = admin.describeConfigs(List.of(topic)).all().get().get(topic).get("retention.ms");
    if (retention.source() != ConfigEntry.ConfigSource.DEFAULT_CONFIG) throw new AssertionError(retention);
    ConfigResource loggers = new ConfigResource(ConfigResource.Type.BROKER_LOGGER, "1");
    if (!admin.describeConfigs(List.of(loggers)).all().get().get(loggers).entries().isEmpty()) throw new AssertionError("loggers");
  }

  public static void main(String[] arguments) throws Exception {
    readsByPattern(arguments[0], Integer.parseInt(arguments[1]));
    Properties p = new Properties();
    p.put("bootstrap.servers", arguments[0]);
    try (Admin admin = Admin.create(p)) {
      describesById(admin);
      setsDefaults(admin);
    }
    System.out.println("done");
  }
}
