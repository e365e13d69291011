// Tests the schemas of the SpoolDir connectors, and values that are converted to them.
#include <gtest/gtest.h>

#include "engine/connect/spooldir/spool_records.h"
#include "engine/connect/spooldir/spool_schema.h"
#include "engine/connect/spooldir/spool_values.h"

namespace engine {
namespace {

SpoolTimes times(const std::vector<std::string>& patterns = {"yyyy-MM-dd'T'HH:mm:ss",
                                                             "yyyy-MM-dd' 'HH:mm:ss"},
                 std::string_view zone = "UTC") {
  return SpoolTimes::make(patterns, zone).value();
}

// Returns the schema of the only field of a struct.
JsonTree field(const std::string& schema) {
  return parse_spool_schema(R"({"type": "STRUCT", "fieldSchemas": {"f": )" + schema + "}}")
      .value()
      .find("fields")
      ->items[0];
}
std::string of_text(const std::string& schema, const std::optional<std::string>& text,
                    const SpoolTimes& with = times()) {
  const auto value = spool_value_of_text(field(schema), text, with);
  return value ? json_tree_text(*value) : "error: " + value.error().message;
}
std::string of_json(const std::string& schema, const std::string& json) {
  const JsonTree value = parse_json_tree(json).value();
  const auto result = spool_value_of_json(field(schema), &value, times());
  return result ? json_tree_text(*result) : "error: " + result.error().message;
}
std::string error_of(std::string_view schema) {
  const auto parsed = parse_spool_schema(schema);
  return parsed ? "no error" : parsed.error().message;
}

TEST(SpoolDir, a_schema_gets_the_form_of_json_converter) {
  const auto schema = parse_spool_schema(
      R"({"name": "User", "type": "STRUCT", "isOptional": false, "fieldSchemas": {
          "id": {"type": "INT64", "isOptional": false, "defaultValue": 7},
          "tags": {"type": "ARRAY", "isOptional": true, "valueSchema": {"type": "STRING"}},
          "at": {"name": "org.apache.kafka.connect.data.Timestamp", "type": "INT64", "version": 1}}})");
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_EQ(
      json_tree_text(*schema),
      R"({"type":"struct","fields":[{"type":"int64","optional":false,"default":7,"field":"id"},)"
      R"({"type":"array","items":{"type":"string","optional":false},"optional":true,"field":"tags"},)"
      R"({"type":"int64","optional":false,"name":"org.apache.kafka.connect.data.Timestamp",)"
      R"("version":1,"field":"at"}],"optional":false,"name":"User"})");
  EXPECT_EQ(field_names(*schema), (std::vector<std::string>{"id", "tags", "at"}));
}

TEST(SpoolDir, errors_of_a_schema_name_the_field) {
  EXPECT_EQ(error_of(R"({"type": "STRING"})"), "the schema has no type STRUCT");
  EXPECT_EQ(error_of(R"({"type": "STRUCT"})"), "a STRUCT has an object \"fieldSchemas\"");
  EXPECT_EQ(error_of(R"({"type": "STRUCT", "fieldSchemas": {"a": {"type": "BYTES"}}})"),
            "field \"a\": type BYTES is supported only with the name "
            "org.apache.kafka.connect.data.Decimal");
  EXPECT_EQ(error_of(R"({"type": "STRUCT", "fieldSchemas": {"a": {"type": "MAP",
                         "keySchema": {"type": "STRING"}}}})"),
            "field \"a\": valueSchema: the schema is missing");
}

TEST(SpoolDir, texts_become_values_of_their_types) {
  EXPECT_EQ(of_text(R"({"type": "INT8"})", "-128"), "-128");
  EXPECT_EQ(of_text(R"({"type": "INT8"})", "128"), "error: \"128\" is not a value of type int8");
  EXPECT_EQ(of_text(R"({"type": "INT64"})", "+7"), "7");
  EXPECT_EQ(of_text(R"({"type": "INT64"})", ""), "error: \"\" is not a value of type int64");
  EXPECT_EQ(of_text(R"({"type": "FLOAT64"})", "20"), "20.0");
  EXPECT_EQ(of_text(R"({"type": "FLOAT32"})", "0.1"), "0.1");
  EXPECT_EQ(of_text(R"({"type": "BOOLEAN"})", "TRUE"), "true");
  EXPECT_EQ(of_text(R"({"type": "BOOLEAN"})", "yes"), "false");
  EXPECT_EQ(of_text(R"({"type": "STRING"})", ""), "\"\"");
  EXPECT_EQ(of_text(R"({"type": "STRING"})", std::nullopt),
            "error: the value is missing, and the field is not optional");
  EXPECT_EQ(of_text(R"({"type": "STRING", "isOptional": true, "defaultValue": "d"})", std::nullopt),
            "\"d\"");
}

TEST(SpoolDir, decimals_are_bytes_of_the_unscaled_number) {
  const std::string decimal =
      R"({"name": "org.apache.kafka.connect.data.Decimal", "type": "BYTES", "parameters": {"scale": "2"}})";
  EXPECT_EQ(of_text(decimal, "-1.27"), "\"gQ==\"");
  EXPECT_EQ(of_text(decimal, "1.28"), "\"AIA=\"");
  EXPECT_EQ(of_text(decimal, "0"), "\"AA==\"");
  EXPECT_EQ(of_text(decimal, "1.275"),
            "error: \"1.275\" is not a value of type Decimal with 2 digits after the point");
  EXPECT_EQ(of_json(decimal, "-1.270"), "\"gQ==\"");
}

TEST(SpoolDir, times_have_the_patterns_and_the_zone_of_the_configuration) {
  const std::string timestamp =
      R"({"name": "org.apache.kafka.connect.data.Timestamp", "type": "INT64"})";
  const std::string date = R"({"name": "org.apache.kafka.connect.data.Date", "type": "INT32"})";
  const std::string time = R"({"name": "org.apache.kafka.connect.data.Time", "type": "INT32"})";
  EXPECT_EQ(of_text(timestamp, "1970-01-02T00:00:01"), "86401000");
  EXPECT_EQ(of_text(timestamp, "1970-01-02 00:00:01"), "86401000");
  EXPECT_EQ(of_text(timestamp, "2. 1. 70"), "error: \"2. 1. 70\" is not a value of type Timestamp");
  const SpoolTimes paris = times({"dd.MM.yyyy HH:mm Z", "dd.MM.yyyy HH:mm"}, "Europe/Paris");
  EXPECT_EQ(of_text(timestamp, "02.01.1970 01:00", paris), "86400000");
  EXPECT_EQ(of_text(timestamp, "02.01.1970 01:00 +0200", paris), "82800000");
  EXPECT_EQ(of_text(date, "02.01.1970 00:30", paris), "1");
  EXPECT_EQ(of_text(time, "02.01.1970 00:30", paris), "1800000");
  EXPECT_EQ(of_text(date, "1969-12-31T23:59:59"), "-1");
  EXPECT_EQ(of_json(timestamp, "86401000"), "86401000");
  EXPECT_EQ(of_json(date, "86401000"), "1");
  EXPECT_FALSE(SpoolTimes::make({"bb"}, "UTC"));
  EXPECT_FALSE(SpoolTimes::make({}, "Mars"));
}

TEST(SpoolDir, json_values_keep_their_parts) {
  EXPECT_EQ(of_json(R"({"type": "STRUCT", "fieldSchemas": {"a": {"type": "INT32"},
                        "b": {"type": "STRING", "isOptional": true}}})",
                    R"({"c": 1, "a": "5"})"),
            R"({"a":5,"b":null})");
  EXPECT_EQ(of_json(R"({"type": "ARRAY", "valueSchema": {"type": "INT32"}})", "[1, 2]"), "[1,2]");
  EXPECT_EQ(of_json(R"({"type": "MAP", "keySchema": {"type": "STRING"},
                        "valueSchema": {"type": "INT32"}})",
                    R"({"x": 1})"),
            R"({"x":1})");
  EXPECT_EQ(of_json(R"({"type": "STRING"})", "1.50"), "\"1.50\"");
  EXPECT_EQ(of_json(R"({"type": "INT32"})", "1.5"), "error: \"1.5\" is not a value of type int32");
}

TEST(SpoolDir, keys_and_generated_schemas) {
  const SpoolSchemas schemas{.key = {},
                             .value = {},
                             .key_name = "K",
                             .value_name = "V",
                             .key_fields = {"b", "missing"},
                             .times = times(),
                             .timestamp_field = {},
                             .forms = {DataForm::Json, DataForm::JsonWithSchema}};
  const SpoolRecords records(schemas, {"a", "b"});
  const auto record = records.of_row({"1", std::nullopt, "more"});
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->key, R"({"b":null})");
  EXPECT_EQ(record->value,
            R"({"schema":{"type":"struct","fields":[{"type":"string","optional":true,"field":"a"},)"
            R"({"type":"string","optional":true,"field":"b"}],"optional":false,"name":"V"},)"
            R"("payload":{"a":"1","b":null}})");
  EXPECT_EQ(records.of_row({"1"}).error().message, "a CSV record has 1 fields instead of 2");
}

}  // namespace
}  // namespace engine
