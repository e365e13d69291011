// Checks the rows that sinks of tables make of records, and the texts of their values.
#include "engine/connect/table_rows.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "engine/connect/postgres/sink_values.h"

namespace engine {
namespace {

constexpr RecordForms kJsonWithSchema{DataForm::JsonWithSchema, DataForm::JsonWithSchema};

// Returns the row as "name=value" for each column, with a semicolon after the columns of the key, or the message of
// the error.
std::string row_of(const RowMapping& mapping, const std::optional<std::string>& key,
                   const std::optional<std::string>& value) {
  TableRowReader reader(mapping);
  const auto row = reader.read({"orders", PartitionId{2}, Offset{41}}, key, value);
  if (!row) return row.error().message;
  std::string text = row->is_delete ? "delete " : "";
  for (size_t i = 0; i < row->values.size(); ++i) {
    if (i > 0) text += i == row->shape->key_columns ? "; " : ", ";
    text += fmt::format("{}={}", row->shape->columns[i].name, row->values[i].value_or("NULL"));
  }
  return text;
}

// Returns the text of a value. `type` is the beginning of the JSON of its schema, after {"type": :
// R"("int32","name":"...")".
std::string text_of(const std::string& type, const std::string& json) {
  const auto schema = parse_json_tree(fmt::format(R"({{"type":{}}})", type));
  const auto value = parse_json_tree(json);
  if (!schema || !value) return "no JSON";
  const auto text = sink_value(*value, &*schema);
  return text ? text->value_or("NULL") : text.error().message;
}

std::string decimal_of(const std::string& scale, const std::string& json) {
  return text_of(fmt::format(R"("bytes","name":"org.apache.kafka.connect.data.Decimal",)"
                             R"("parameters":{{"scale":"{}"}})",
                             scale),
                 json);
}

std::string named(const std::string& type, const std::string& name, const std::string& json) {
  return text_of(fmt::format(R"("{}","name":"{}")", type, name), json);
}

TEST(TableRows, the_columns_come_from_the_key_the_value_and_the_place) {
  const std::string value = R"({"ID":1,"city":"Turku","tags":["a"],"note":null})";
  EXPECT_EQ(row_of({}, std::nullopt, value), R"(ID=1, city=Turku, tags=["a"], note=NULL)");
  EXPECT_EQ(row_of({.fields = {"CITY"}}, std::nullopt, value), "city=Turku");
  EXPECT_EQ(row_of({.key_mode = KeyMode::RecordValue, .key_fields = {"id"}, .fields = {"city"}},
                   std::nullopt, value),
            "ID=1; city=Turku");
  EXPECT_EQ(row_of({.key_mode = KeyMode::RecordKey, .key_fields = {"sku"}, .fields = {"city"}}, "a",
                   value),
            "sku=a; city=Turku");
  EXPECT_EQ(row_of({.key_mode = KeyMode::Kafka, .fields = {"city"}}, std::nullopt, value),
            "__connect_topic=orders, __connect_partition=2, __connect_offset=41; city=Turku");
}

TEST(TableRows, a_record_that_makes_no_row_is_refused_with_the_reason) {
  EXPECT_EQ(row_of({}, std::nullopt, std::nullopt), "the record has no value");
  EXPECT_EQ(row_of({}, std::nullopt, "[1]"),
            "the value is an array, and a row needs an object with fields");
  EXPECT_EQ(row_of({.key_mode = KeyMode::RecordKey, .key_fields = {"id"}}, std::nullopt, "{}"),
            "the record has no key, which pk.mode record_key needs");
  EXPECT_EQ(row_of({.key_mode = KeyMode::RecordValue, .key_fields = {"id"}}, std::nullopt, "{}"),
            "the value has no field \"id\"");
  EXPECT_EQ(row_of({.key_mode = KeyMode::RecordKey, .key_fields = {"id"}, .deletes = true}, "7",
                   std::nullopt),
            "delete id=7");
}

TEST(TableRows, values_of_logical_types_become_texts_of_postgresql) {
  const std::string record =
      R"({"schema":{"type":"struct","fields":[)"
      R"({"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"price"},)"
      R"({"type":"int32","name":"org.apache.kafka.connect.data.Date","field":"day"},)"
      R"({"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","optional":true,"field":"at"},)"
      R"({"type":"bytes","field":"raw"},{"type":"array","items":{"type":"int32","name":"io.debezium.time.Date"},"field":"days"}]},)"
      R"("payload":{"price":"AfQ=","day":19849,"at":null,"raw":"AP8=","days":[0,1]}})";
  EXPECT_EQ(row_of({.forms = kJsonWithSchema}, std::nullopt, record),
            R"(price=5.00, day=2024-05-06, at=NULL, raw=\x00ff, days=["1970-01-01","1970-01-02"])");
  std::string wrong = record;
  wrong.replace(wrong.find("AfQ="), 4, "AfQ");
  EXPECT_EQ(row_of({.forms = kJsonWithSchema}, std::nullopt, wrong),
            "field \"price\": a value of type Decimal is not base64");
}

TEST(SinkValues, a_decimal_keeps_all_digits) {
  EXPECT_EQ(decimal_of("2", "\"AA==\""), "0.00");
  EXPECT_EQ(decimal_of("2", "\"fw==\""), "1.27");
  EXPECT_EQ(decimal_of("2", "\"gA==\""), "-1.28");
  EXPECT_EQ(decimal_of("2", "\"/w==\""), "-0.01");
  EXPECT_EQ(decimal_of("0", "\"AQAAAAAAAAAA\""), "18446744073709551616");
  EXPECT_EQ(decimal_of("-3", "\"BQ==\""), "5000");
  EXPECT_EQ(decimal_of("2", "12.50"), "12.50");  // decimal.format = NUMERIC
  EXPECT_EQ(decimal_of("x", "\"AA==\""), "the schema of a Decimal has no parameter \"scale\"");
  EXPECT_EQ(decimal_of("2", "\"\""), "a Decimal has 0 bytes, not 1 to 1024");
  EXPECT_EQ(decimal_of("99999", "\"AA==\""), "the scale 99999 is not one of numeric");
  EXPECT_EQ(decimal_of("2", "true"), "a boolean is not a value of type Decimal");
  EXPECT_EQ(
      named("struct", "io.debezium.data.VariableScaleDecimal", R"({"scale":1,"value":"fw=="})"),
      "12.7");
}

TEST(SinkValues, dates_and_times_are_in_utc) {
  constexpr const char* kDate = "org.apache.kafka.connect.data.Date";
  constexpr const char* kTime = "org.apache.kafka.connect.data.Time";
  constexpr const char* kTimestamp = "org.apache.kafka.connect.data.Timestamp";
  EXPECT_EQ(named("int32", kDate, "0"), "1970-01-01");
  EXPECT_EQ(named("int32", kDate, "-719163"), "0001-12-31 BC");
  EXPECT_EQ(named("int32", kDate, "106762574"), "294276-01-01");
  EXPECT_EQ(named("int32", kTime, "45296789"), "12:34:56.789");
  EXPECT_EQ(named("int32", kTime, "86400000"), "24:00:00");
  EXPECT_EQ(named("int32", kTime, "-1"), "-1000 us are not a time of day");
  EXPECT_EQ(named("int64", kTimestamp, "-100"), "1969-12-31 23:59:59.900+00");
  EXPECT_EQ(named("int64", kTimestamp, "1709200800000"), "2024-02-29 10:00:00+00");
  EXPECT_EQ(named("int64", kTimestamp, "9223372036854775807"),
            "9223372036854775807 is out of range");
  EXPECT_EQ(named("int64", "io.debezium.time.MicroTimestamp", "1500001"),
            "1970-01-01 00:00:01.500001+00");
  EXPECT_EQ(named("int64", "io.debezium.time.NanoTimestamp", "-1"),
            "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ(named("string", "io.debezium.time.ZonedTimestamp", "\"2024-05-06T12:00:00Z\""),
            "2024-05-06T12:00:00Z");
  EXPECT_EQ(named("int64", "io.debezium.time.MicroDuration", "-500000"), "-500000 microseconds");
}

TEST(SinkValues, bits_have_the_highest_first) {
  EXPECT_EQ(
      text_of(R"("bytes","name":"io.debezium.data.Bits","parameters":{"length":"10"})", "\"BQI=\""),
      "1000000101");
}

TEST(SinkValues, arrays_have_the_form_of_postgresql) {
  EXPECT_EQ(array_text(R"([1, [2.50, null], "a\"\\b", {"x": true}])").value(),
            R"({"1",{"2.50",NULL},"a\"\\b","{\"x\":true}"})");
  EXPECT_EQ(array_text("[]").value(), "{}");
  EXPECT_FALSE(array_text("{}"));
  EXPECT_FALSE(array_text("[1"));
}

TEST(TableRows, lines_of_copy_are_escaped) {
  std::string line;
  append_copy_row(line, {"a\tb", std::nullopt, "\\x00", "c\r\nd"});
  EXPECT_EQ(line, "a\\tb\t\\N\t\\\\x00\tc\\r\\nd");
}

}  // namespace
}  // namespace engine
