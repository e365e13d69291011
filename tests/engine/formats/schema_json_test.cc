// Tests the conversion of records with schemas to JSON and back.
#include <gtest/gtest.h>

#include "engine/formats/avro/avro_json.h"
#include "engine/formats/protobuf/protobuf_json.h"

namespace engine {
namespace {

// Returns the JSON of the converted record, or the error message.
std::string through_avro(const std::string& schema, const std::string& json) {
  const auto avro = AvroSchema::parse({SchemaKind::Avro, schema});
  if (!avro) return avro.error().message;
  std::string bytes;
  if (const Status done = append_avro_of_json(bytes, (*avro)->root(), *parse_json_tree(json));
      !done)
    return done.error().message;
  // A prefix of the record must be an error or another record, and must not crash.
  for (size_t size = 0; size < bytes.size(); ++size)
    (void)json_of_avro((*avro)->root(), std::string_view(bytes).substr(0, size));
  const auto again = json_of_avro((*avro)->root(), bytes);
  return again ? *again : again.error().message;
}

std::string record(const std::string& type, const std::string& more = "") {
  return R"({"type":"record","name":"R","fields":[{"name":"a","type":)" + type + more + "}]}";
}

TEST(SchemaJson, avro_of_all_kinds_goes_there_and_back) {
  for (const auto& [type, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("null")", "null"},
           {R"("boolean")", "true"},
           {R"("int")", "-2147483648"},
           {R"("long")", "9223372036854775807"},
           {R"("float")", "1.5"},
           {R"("double")", "-0.1"},
           {R"("string")", "\"gr\u00fcn \\\"\""},
           {R"("bytes")", "\"\u00ff\u0080a\""},
           {R"({"type":"fixed","name":"F","size":2})", "\"\u00e9b\""},
           {R"({"type":"enum","name":"E","symbols":["x","y"]})", "\"y\""},
           {R"({"type":"array","items":"int"})", "[1,2,3]"},
           {R"({"type":"array","items":"int"})", "[]"},
           {R"({"type":"map","values":"string"})", R"({"k":"v"})"},
           {R"(["null","string"])", R"({"string":"x"})"},
           {R"(["null","string"])", "null"}})
    EXPECT_EQ(through_avro(record(type), std::string("{\"a\":") + value + "}"),
              std::string("{\"a\":") + value + "}")
        << type;
}

TEST(SchemaJson, avro_takes_defaults_and_plain_values_of_unions) {
  EXPECT_EQ(through_avro(record(R"(["null","int"])", R"(,"default":null)"), "{}"), R"({"a":null})");
  EXPECT_EQ(through_avro(record(R"(["null","int"])"), R"({"a":5})"), R"({"a":{"int":5}})");
}

TEST(SchemaJson, an_invalid_value_is_reported) {
  EXPECT_EQ(through_avro(record(R"("int")"), R"({"a":"x"})"),
            "a: a value of the type int was expected");
  EXPECT_EQ(through_avro(record(R"("int")"), R"({"a":2147483648})"),
            "a: 2147483648 is not a valid int");
  EXPECT_EQ(through_avro(record(R"("int")"), "{}"), "R lacks its field \"a\"");
  EXPECT_EQ(through_avro(record(R"("int")"), R"({"a":1,"b":2})"), "R has no field \"b\"");
  EXPECT_EQ(through_avro(record(R"({"type":"enum","name":"E","symbols":["x"]})"), R"({"a":"z"})"),
            "a: E has no symbol \"z\"");
}

TEST(SchemaJson, a_record_without_end_ends) {
  const auto schema = AvroSchema::parse(
      {SchemaKind::Avro, R"({"type":"record","name":"R","fields":[{"name":"r","type":"R"}]})"});
  ASSERT_TRUE(schema);
  EXPECT_FALSE(json_of_avro((*schema)->root(), ""));
  const auto nulls = AvroSchema::parse({SchemaKind::Avro, R"({"type":"array","items":"null"})"});
  EXPECT_FALSE(json_of_avro((*nulls)->root(), std::string(200'000, '\x02')));
}

TEST(SchemaJson, protobuf_goes_there_and_back) {
  const SchemaText schema{SchemaKind::Protobuf,
                          "syntax = \"proto3\"; message M { int32 id = 1; repeated string tags = "
                          "2; message N { bool b = 1; } }"};
  const auto bytes = protobuf_of_json(schema, R"({"id":7,"tags":["x"]})");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*json_of_protobuf(schema, std::string(1, '\0') + *bytes), R"({"id":7,"tags":["x"]})");
  EXPECT_EQ(*json_of_protobuf(schema, std::string("\4\0\0\x08\1", 5)), R"({"b":true})");
  EXPECT_FALSE(protobuf_of_json(schema, R"({"nobody":1})"));
  EXPECT_FALSE(json_of_protobuf(schema, std::string(1, '\4')));
  EXPECT_FALSE(json_of_protobuf(schema, std::string("\0\xff\xff", 3)));
}

}  // namespace
}  // namespace engine
