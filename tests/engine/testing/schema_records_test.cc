#include "engine/testing/schema_records.h"

#include <gtest/gtest.h>

#include "engine/registry/registrar.h"

namespace engine {
namespace {

class SchemaRecords : public testing::Test {
 protected:
  void add(SchemaKind kind, const std::string& text) {
    const auto registered = registry_.register_schema("t-value", {.kind = kind, .text = text});
    ASSERT_TRUE(registered) << registered.error().message;
    registry_.apply(registered->changes);
  }
  // Returns the difference that remains after the JSON was encoded as a record and read again.
  std::string round_trip(const FormatSpec& format, const std::string& input,
                         const std::string& expected, std::vector<ColumnDef> columns = {}) {
    const auto bytes =
        encode_with_schema(*parse_case_json(input), {format, columns, Side::Value, "t", registry_});
    if (!bytes) return bytes.error().message;
    if (!*bytes) return "no record";
    const auto observed = observe_with_schema(**bytes, format, columns, Side::Value, registry_);
    if (!observed) return observed.error().message;
    return mismatch(*parse_case_json(expected), *observed);
  }

  SchemaRegistry registry_;
};

TEST_F(SchemaRecords, avro_takes_fields_by_name_and_gives_all_of_them) {
  add(SchemaKind::Avro,
      R"({"type":"record","name":"r","fields":[{"name":"a","type":"int"},
          {"name":"b","type":["null","string"],"default":null},
          {"name":"c","type":{"type":"map","values":"double"}}]})");
  EXPECT_EQ(round_trip({.name = "AVRO"}, R"({"A": 5, "c": {"x": 1.5}, "unknown": 1})",
                       R"({"a": 5, "b": null, "c": {"x": 1.5}})"),
            "");
  EXPECT_NE(round_trip({.name = "AVRO"}, R"({"a": 5, "c": {}})", R"({"a": 6, "b": null, "c": {}})"),
            "");
  EXPECT_NE(round_trip({.name = "AVRO"}, R"({"a": "five", "c": {}})", "{}"), "");
}

TEST_F(SchemaRecords, bare_values_are_bare) {
  add(SchemaKind::Avro, R"({"type":"array","items":["null","long"]})");
  EXPECT_EQ(round_trip({.name = "AVRO"}, "[1, null]", "[1, null]"), "");
}

TEST_F(SchemaRecords, protobuf_without_a_registry_has_the_declared_columns) {
  const std::vector<ColumnDef> columns = {{"A", TypeKind::Integer}, {"D", SqlType::decimal(5, 2)}};
  EXPECT_EQ(round_trip({.name = "PROTOBUF_NOSR"}, R"({"a": 5, "d": 1.25})",
                       R"({"A": 5, "D": "1.25"})", columns),
            "");
}

TEST_F(SchemaRecords, a_record_without_a_known_schema_is_none) {
  EXPECT_FALSE(observe_with_schema("{}", {.name = "JSON_SR"}, {}, Side::Value, registry_));
  EXPECT_FALSE(observe_with_schema(std::string("\0\0\0\0\7x", 6), {.name = "AVRO"}, {}, Side::Value,
                                   registry_));
}

}  // namespace
}  // namespace engine
