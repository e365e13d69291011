// Tests streams and tables in formats with schemas: the schemas that they register, and the columns
// that they get from registered schemas.
#include "engine/plan/query_plan.h"
#include "engine/plan/source_formats.h"
#include "plan_fixture.h"

namespace engine {
namespace {

class RegisteredSchemasTest : public PlanTest {
 protected:
  // Plans the statement, and applies its changes to the catalog and the registry.
  Status run(std::string_view sql) {
    const ParsedStatement parsed = TRY(parse(sql));
    Registrar registrar(registry_);
    if (const auto* create = std::get_if<CreateSource>(&parsed.statement)) {
      const NewSource planned = TRY(
          plan_create_source(*create, parsed, *catalog_, *this, settings_, session_, &registrar));
      catalog_ = with_source(*catalog_, planned.source);
    } else {
      PlanContext context{*catalog_, *this, settings_, session_};
      context.registrar = &registrar;
      planned_ = TRY(plan_create_as(std::get<CreateAsSelect>(parsed.statement), parsed, context));
      catalog_ = with_source(*catalog_, planned_.sink);
    }
    registry_.apply(registrar.take_changes());
    return {};
  }
  std::string error_of(std::string_view sql) {
    const Status done = run(sql);
    return done ? "no error" : done.error().message;
  }
  void add_schema(const std::string& subject, SchemaKind kind, const std::string& text) {
    const auto registered = registry_.register_schema(subject, {.kind = kind, .text = text});
    ASSERT_TRUE(registered) << registered.error().message;
    registry_.apply(registered->changes);
  }
  std::string latest(std::string_view subject) {
    const auto found = registry_.latest(subject);
    return found ? found->schema->text : "none";
  }

  SchemaRegistry registry_;
  PlannedQuery planned_;
};

constexpr std::string_view kOrders =
    "CREATE STREAM orders (id INT KEY, city VARCHAR) WITH (FORMAT = 'AVRO');";

TEST_F(RegisteredSchemasTest, columns_become_the_schemas_of_their_topic) {
  ASSERT_TRUE(run(kOrders));
  EXPECT_EQ(registry_.subjects(), (std::vector<std::string>{"orders-key", "orders-value"}));
  EXPECT_EQ(source("ORDERS").key_format.schema_id, 1);
  EXPECT_EQ(source("ORDERS").value_format.schema_id, 2);
  EXPECT_NE(latest("orders-value").find("\"CITY\""), std::string::npos) << latest("orders-value");
  EXPECT_EQ(source("ORDERS").key_format.full_name, "io.confluent.ksql.avro_schemas.OrdersKey");
}

TEST_F(RegisteredSchemasTest, a_query_registers_its_result_and_keeps_its_keys_under_no_id) {
  ASSERT_TRUE(run(kOrders));
  ASSERT_TRUE(run("CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;"));
  const OutputPlan& output = planned_.plan.stages.back().output;
  EXPECT_EQ(output.key_format.schema_id, registry_.latest("by_city-key")->id);
  EXPECT_EQ(output.value_format.schema_id, registry_.latest("by_city-value")->id);
  EXPECT_EQ(planned_.plan.materialization->key_format.schema_id, 0);
  for (const ExchangePlan& exchange : planned_.plan.exchanges)
    EXPECT_EQ(exchange.key_format.schema_id, 0);
}

// A key that is written with another schema has other bytes, so it may belong to another partition.
TEST_F(RegisteredSchemasTest, rows_with_keys_of_another_schema_are_repartitioned) {
  ASSERT_TRUE(run(kOrders));
  ASSERT_TRUE(run("CREATE TABLE by_id AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;"));
  EXPECT_EQ(planned_.plan.exchanges.size(), 1u);
  ASSERT_TRUE(run("CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR) WITH (FORMAT = 'AVRO');"));
  ASSERT_TRUE(
      run("CREATE STREAM named AS SELECT o.id AS id, name FROM orders o "
          "JOIN users u ON o.id = u.id;"));
  EXPECT_EQ(planned_.plan.exchanges.size(), 1u);
  EXPECT_TRUE(planned_.plan.stages.back().merges_partitions);
}

TEST_F(RegisteredSchemasTest, columns_come_out_of_the_registry) {
  add_schema("t-value", SchemaKind::Avro,
             R"({"type":"record","name":"r","fields":[{"name":"city","type":"string"}]})");
  ASSERT_TRUE(run("CREATE STREAM s (k INT KEY) WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO');"));
  EXPECT_EQ(source("S").schema.to_string(), "`K` INTEGER KEY, `CITY` STRING");
  ASSERT_TRUE(
      run("CREATE STREAM exact (k INT KEY) "
          "WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO', VALUE_SCHEMA_ID = 1);"));
  EXPECT_EQ(source("EXACT").schema.to_string(), "`K` INTEGER KEY, `city` STRING");
  EXPECT_EQ(error_of("CREATE STREAM u WITH (KAFKA_TOPIC = 'u', VALUE_FORMAT = 'AVRO');"),
            "Schema for message values on topic 'u' does not exist in the Schema Registry.");
}

TEST_F(RegisteredSchemasTest, another_declaration_in_the_place_of_one_is_a_new_version) {
  ASSERT_TRUE(run(kOrders));
  ASSERT_TRUE(
      run("CREATE OR REPLACE STREAM orders (id INT KEY, city VARCHAR, n INT) "
          "WITH (FORMAT = 'AVRO');"));
  EXPECT_EQ(*registry_.versions("orders-value"), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(source("ORDERS").value_format.schema_id, registry_.latest("orders-value")->id);
  EXPECT_TRUE(check_has_schemas(source("ORDERS")));
}

TEST_F(RegisteredSchemasTest, an_unwritable_type_is_an_error) {
  add_schema("t-value", SchemaKind::Avro,
             R"({"type":"record","name":"r","fields":[{"name":"A","type":"string"}]})");
  ASSERT_TRUE(
      run("CREATE STREAM s (a INT, b INT) "
          "WITH (KAFKA_TOPIC = 't', VALUE_FORMAT = 'AVRO');"));
  EXPECT_EQ(check_has_schemas(source("S")).error().message,
            "cannot write into S: its columns do not fit the schema t-value");
  session_["query.cycles"] = "allow";  // the source has the topic that the query writes
  EXPECT_EQ(
      error_of("CREATE STREAM copy WITH (KAFKA_TOPIC = 't') AS SELECT * FROM s;").substr(0, 37),
      "Could not register schema for topic: ");
}

TEST_F(RegisteredSchemasTest, properties_are_for_formats_that_know_them) {
  EXPECT_EQ(error_of("CREATE STREAM s (a INT) WITH (VALUE_FORMAT = 'JSON', "
                     "VALUE_PROTOBUF_NULLABLE_REPRESENTATION = 'WRAPPER');"),
            "JSON does not support the following configs: [nullableRepresentation]");
  ASSERT_TRUE(
      run("CREATE STREAM p (a INT) WITH (VALUE_FORMAT = 'PROTOBUF', "
          "VALUE_PROTOBUF_NULLABLE_REPRESENTATION = 'OPTIONAL');"));
  EXPECT_NE(latest("p-value").find("optional int32 A"), std::string::npos) << latest("p-value");
}

}  // namespace
}  // namespace engine
