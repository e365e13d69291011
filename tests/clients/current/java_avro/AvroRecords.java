// Apicurio's Avro serializers, which write and read as Confluent's do (a zero byte, four bytes of id), with schemas out of a
// registry that speaks Confluent's API: AvroRecords KAFKA REGISTRY write|read TOPIC COUNT
import io.apicurio.registry.resolver.ParsedSchemaImpl;
import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.SchemaParser;
import io.apicurio.registry.resolver.SchemaResolver;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.registry.resolver.strategy.ArtifactReferenceResolverStrategy;
import io.apicurio.registry.rest.client.RegistryClient;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class AvroRecords {
  static final String SCHEMA = "{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":["
      + "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"city\",\"type\":[\"null\",\"string\"],\"default\":null},"
      + "{\"name\":\"amount\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":8,\"scale\":2}},"
      + "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":\"int\"}},"
      + "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"Kind\",\"symbols\":[\"OLD\",\"NEW\"]}}]}";

  /** Schemas of a registry with Confluent's API. */
  static class Resolver implements SchemaResolver<Schema, Object> {
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final Map<Long, SchemaLookupResult<Schema>> byId = new HashMap<>();
    private final Map<String, SchemaLookupResult<Schema>> registered = new HashMap<>();
    private final String registry, subject;
    private SchemaParser<Schema, Object> parser;

    Resolver(String registry, String subject) {
      this.registry = registry;
      this.subject = subject;
    }

    private JsonNode ask(String path, String body) {
      try {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(registry + path))
            .header("Content-Type", "application/vnd.schemaregistry.v1+json");
        if (body != null) request.POST(HttpRequest.BodyPublishers.ofString(body));
        HttpResponse<String> answer = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException(answer.body());
        return json.readTree(answer.body());
      } catch (java.io.IOException | InterruptedException failed) {
        throw new IllegalStateException(failed);
      }
    }

    private SchemaLookupResult<Schema> result(long id, Schema schema) {
      return SchemaLookupResult.<Schema>builder()
          .parsedSchema(new ParsedSchemaImpl<Schema>().setParsedSchema(schema).setRawSchema(schema.toString().getBytes()))
          .globalId(id).contentId(id).build();
    }

    @Override public void configure(Map<String, ?> configs, SchemaParser<Schema, Object> with) { parser = with; }
    @Override public void setClient(RegistryClient client) {}
    @Override public void setArtifactResolverStrategy(ArtifactReferenceResolverStrategy<Schema, Object> strategy) {}
    @Override public SchemaParser<Schema, Object> getSchemaParser() { return parser; }
    @Override public void reset() {}
    @Override public void close() {}

    @Override public SchemaLookupResult<Schema> resolveSchema(Record<Object> record) {
      Schema schema = ((GenericRecord) record.payload()).getSchema();
      return registered.computeIfAbsent(schema.toString(), text -> {
        String body = json.createObjectNode().put("schema", text).toString();
        return result(ask("/subjects/" + subject + "/versions", body).get("id").asLong(), schema);
      });
    }
    @Override public SchemaLookupResult<Schema> resolveSchemaByArtifactReference(ArtifactReference reference) {
      long id = reference.getContentId() != null ? reference.getContentId() : reference.getGlobalId();
      return byId.computeIfAbsent(id,
          key -> result(id, new Schema.Parser().parse(ask("/schemas/ids/" + id, null).get("schema").asText())));
    }
  }

  public static void main(String[] args) throws Exception {
    String topic = args[3];
    int count = Integer.parseInt(args[4]);
    Map<String, Object> settings = new HashMap<>(Map.of(
        "bootstrap.servers", args[0], "apicurio.registry.headers.enabled", false, "apicurio.registry.as-confluent", true));
    Resolver resolver = new Resolver(args[1], topic + "-value");
    if (args[2].equals("write")) {
      AvroKafkaSerializer<Object> serializer = new AvroKafkaSerializer<>(resolver);
      serializer.configure(settings, false);
      Schema schema = new Schema.Parser().parse(SCHEMA);
      try (KafkaProducer<String, Object> producer = new KafkaProducer<>(settings, new StringSerializer(), serializer)) {
        for (int i = 0; i < count; ++i) {
          GenericRecord order = new GenericData.Record(schema);
          order.put("id", (long) i);
          order.put("city", i % 3 == 0 ? null : "c" + i);
          order.put("amount", ByteBuffer.wrap(new BigDecimal(i + ".25").unscaledValue().toByteArray()));
          order.put("tags", Map.of("n", i));
          order.put("kind", new GenericData.EnumSymbol(schema.getField("kind").schema(), i % 2 == 0 ? "OLD" : "NEW"));
          producer.send(new ProducerRecord<>(topic, "k" + i, order)).get();
        }
      }
    } else {
      AvroKafkaDeserializer<Object> deserializer = new AvroKafkaDeserializer<>();
      deserializer.setSchemaResolver(resolver);
      deserializer.configure(settings, false);
      try (KafkaConsumer<String, Object> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), deserializer)) {
        List<TopicPartition> only = List.of(new TopicPartition(topic, 0));
        consumer.assign(only);
        consumer.seekToBeginning(only);
        long until = System.currentTimeMillis() + 60_000;
        for (int read = 0; read < count && System.currentTimeMillis() < until;)
          for (ConsumerRecord<String, Object> record : consumer.poll(Duration.ofSeconds(1))) {
            System.out.println(record.value());
            ++read;
          }
      }
    }
    System.exit(0);
  }
}
