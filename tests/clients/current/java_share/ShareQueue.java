import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.config.ConfigResource;

/**
 * A worker of a share group (KIP-932): SERVER TOPIC GROUP MODE. Says "value deliveries" for each record that it has got.
 *
 * <p>implicit: all of a poll is done with the next one. explicit: each says for itself; every tenth is released the first
 * time, every tenth is rejected. hold: waits to be killed with what it has got. describe: what administrators see.
 */
public class ShareQueue {
  static void beginAtTheFirst(Admin admin, String group) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, group);
    AlterConfigOp op = new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(op))).all().get();
  }

  static void describe(Admin admin, String group) throws Exception {
    for (GroupListing each : admin.listGroups(ListGroupsOptions.forShareGroups()).all().get())
      System.out.println("group " + each.groupId() + " " + each.type().get() + " " + each.groupState().get());
    ShareGroupDescription described = admin.describeShareGroups(List.of(group)).all().get().get(group);
    System.out.println("state " + described.groupState() + " members " + described.members().size());
    Map<String, ListShareGroupOffsetsSpec> asked = Map.of(group, new ListShareGroupOffsetsSpec());
    System.out.println("offsets " + admin.listShareGroupOffsets(asked).all().get());
  }

  static AcknowledgeType verdict(ConsumerRecord<String, String> record) {
    int number = Integer.parseInt(record.value());
    if (number % 10 == 7) return AcknowledgeType.REJECT;
    return number % 10 == 3 && record.deliveryCount().get() == 1 ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT;
  }

  public static void main(String[] args) throws Exception {
    Properties p = new Properties();
    p.put("bootstrap.servers", args[0]);
    p.put("group.id", args[2]);
    p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("share.acknowledgement.mode", args[3].equals("explicit") ? "explicit" : "implicit");
    p.put("max.poll.records", "20");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
      if (args[3].equals("describe")) {
        describe(admin, args[2]);
        return;
      }
      beginAtTheFirst(admin, args[2]);
    }
    try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(p)) {
      consumer.setAcknowledgementCommitCallback((offsets, failure) -> {
        if (failure != null) System.out.println("failed " + offsets + " " + failure);
      });
      consumer.subscribe(List.of(args[1]));
      long lastSeen = System.currentTimeMillis();
      while (System.currentTimeMillis() - lastSeen < 15_000) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        for (ConsumerRecord<String, String> record : records) {
          lastSeen = System.currentTimeMillis();
          System.out.println(record.value() + " " + record.deliveryCount().get());
          if (args[3].equals("explicit")) consumer.acknowledge(record, verdict(record));
        }
        if (args[3].equals("hold") && !records.isEmpty()) Thread.sleep(600_000);
        if (args[3].equals("explicit")) consumer.commitSync();
        Thread.sleep(30);
      }
    }
  }
}
