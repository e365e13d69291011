// Tests the texts of schemas: Avro's canonical form, and the two forms of Protobuf's.
#include "engine/formats/avro/avro_canonical.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/formats/protobuf/protobuf_source.h"

namespace engine {
namespace {

std::string canonical(std::string_view text) { return avro_canonical_text(*parse_json_tree(text)); }

TEST(SchemaTexts, avro_has_one_spelling) {
  constexpr std::pair<const char*, const char*> kCases[] = {
      {R"({"type": "int"})", R"("int")"},
      {R"({"logicalType": "date", "type": "int"})", R"({"type":"int","logicalType":"date"})"},
      {R"({"items": {"type": "string"}, "type": "array"})", R"({"type":"array","items":"string"})"},
      {R"({"type": "map", "x": 1, "values": ["null", {"type": "long"}]})",
       R"({"type":"map","values":["null","long"],"x":1})"},
      {R"({"fields": [], "name": "a.b.R", "type": "record", "x": {}, "doc": "d", "aliases": ["Q"]})",
       R"({"type":"record","name":"R","namespace":"a.b","doc":"d","fields":[],"x":{},"aliases":["Q"]})"},
      {R"({"type":"record","name":"R","namespace":"n","fields":[{"default":null,"type":["null","n.R"],)"
       R"("order":"ascending","name":"f"},{"name":"g","type":{"type":"enum","name":"n.E","symbols":["A"]}}]})",
       R"({"type":"record","name":"R","namespace":"n","fields":[{"name":"f","type":["null","R"],"default":null},)"
       R"({"name":"g","type":{"type":"enum","name":"E","symbols":["A"]}}]})"},
      {R"({"type":"record","name":"R","namespace":"n","fields":[{"name":"f","type":{"size":4,"type":"fixed",)"
       R"("name":"F","namespace":"m"}},{"name":"g","type":"m.F"}]})",
       R"({"type":"record","name":"R","namespace":"n","fields":[{"name":"f","type":{"type":"fixed","name":"F",)"
       R"("namespace":"m","size":4}},{"name":"g","type":"m.F"}]})"},
  };
  for (const auto& [given, wanted] : kCases) {
    EXPECT_EQ(canonical(given), wanted);
    EXPECT_EQ(canonical(wanted), wanted);
  }
}

TEST(SchemaTexts, a_word_that_begins_like_null_is_an_error) {
  for (const char* text :
       {"n", "nul", "nulx", "[nope]", R"({"a":n"b"})", R"({"a": nullx})", "t", "[f]", "[truf]"})
    EXPECT_FALSE(parse_json_tree(text)) << text;
}

TEST(SchemaTexts, protobuf_comes_as_text_or_serialized) {
  const SchemaText text{
      SchemaKind::Protobuf,
      "syntax = \"proto3\";\nimport \"p.proto\";\nimport \"google/protobuf/any.proto\";\n"
      "message M { /* one */ P p = 1; google.protobuf.Any a = 2; }",
      {{"p.proto", "syntax = \"proto3\"; message P { int32 x = 1; }"}}};
  EXPECT_FALSE(is_serialized_protobuf(text.text));
  const auto serialized = serialized_protobuf(text);
  ASSERT_TRUE(serialized) << serialized.error().message;
  EXPECT_TRUE(is_serialized_protobuf(*serialized));
  SchemaText other = text;
  other.text = *serialized;
  const auto parsed = ProtobufSchema::parse(other);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->find("M")->fields.size(), 2u);
  EXPECT_EQ(*protobuf_source(other), *protobuf_source(text));
  EXPECT_EQ(protobuf_source(text)->find("one"), std::string::npos);
  EXPECT_FALSE(is_serialized_protobuf("AAAA"));
  EXPECT_FALSE(protobuf_source({SchemaKind::Protobuf, "AAAA"}));
}

// The parser of the library is recursive, so the depth of messages must be limited.
TEST(SchemaTexts, protobuf_has_a_bound_for_messages_within_each_other) {
  const auto nested = [](int levels) {
    std::string text = "syntax = \"proto3\";\n";
    for (int i = 0; i < levels; ++i) text += "message M {";
    text += "int32 x = 1;";
    return SchemaText{SchemaKind::Protobuf, text + std::string(static_cast<size_t>(levels), '}')};
  };
  // The deepest accepted message: the library parses deeper ones, but refuses them afterwards.
  EXPECT_TRUE(protobuf_source(nested(31)));
  for (const int levels : {101, 50'000})
    EXPECT_EQ(
        protobuf_source(nested(levels)).error().message,
        "Invalid Protobuf schema: line 2, column 1111: more than 100 levels within each other");
}

}  // namespace
}  // namespace engine
