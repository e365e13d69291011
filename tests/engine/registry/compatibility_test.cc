// Tests which changes of a schema are compatible with old data: a table of cases for each kind of schema.
#include "engine/registry/compatibility.h"

#include <chrono>
#include <span>

#include "tests/patience.h"

namespace engine {
namespace {

std::vector<std::string> problems_of(const SchemaText& reader, const SchemaText& writer) {
  Effort effort({});
  return read_problems(reader, writer, effort);
}

struct Case {
  const char* what;
  const char* reader;
  const char* writer;
  bool is_compatible;
};

void check(SchemaKind kind, std::span<const Case> cases) {
  for (const Case& one : cases) {
    const auto problems = problems_of({kind, one.reader}, {kind, one.writer});
    EXPECT_EQ(problems.empty(), one.is_compatible)
        << one.what << (problems.empty() ? "" : ": " + problems.front());
  }
}

#define RECORD(fields) R"({"type":"record","name":"r","fields":[)" fields "]}"

TEST(Compatibility, avro) {
  constexpr Case kCases[] = {
      {"the same", R"("int")", R"("int")", true},
      {"int to long", R"("long")", R"("int")", true},
      {"int to float", R"("float")", R"("int")", true},
      {"int to double", R"("double")", R"("int")", true},
      {"long to float", R"("float")", R"("long")", true},
      {"long to double", R"("double")", R"("long")", true},
      {"float to double", R"("double")", R"("float")", true},
      {"string to bytes", R"("bytes")", R"("string")", true},
      {"bytes to string", R"("string")", R"("bytes")", true},
      {"long to int", R"("int")", R"("long")", false},
      {"double to float", R"("float")", R"("double")", false},
      {"float to long", R"("long")", R"("float")", false},
      {"int to string", R"("string")", R"("int")", false},
      {"boolean to int", R"("int")", R"("boolean")", false},
      {"null to int", R"("int")", R"("null")", false},
      {"into a union", R"(["null","int"])", R"("int")", true},
      {"out of a union", R"("int")", R"(["int"])", true},
      {"out of an optional", R"("int")", R"(["null","int"])", false},
      {"a wider union", R"(["null","int","string"])", R"(["null","int"])", true},
      {"a narrower union", R"(["null","int"])", R"(["null","int","string"])", false},
      {"promotion into a union", R"(["null","long"])", R"("int")", true},
      {"promotion within unions", R"(["null","double"])", R"(["null","int"])", true},
      {"arrays", R"({"type":"array","items":"long"})", R"({"type":"array","items":"int"})", true},
      {"arrays of other items", R"({"type":"array","items":"int"})",
       R"({"type":"array","items":"string"})", false},
      {"maps", R"({"type":"map","values":"long"})", R"({"type":"map","values":"int"})", true},
      {"maps of other values", R"({"type":"map","values":"int"})",
       R"({"type":"map","values":"long"})", false},
      {"array and map", R"({"type":"map","values":"int"})", R"({"type":"array","items":"int"})",
       false},
      {"a field less", RECORD(R"({"name":"a","type":"int"})"),
       RECORD(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"), true},
      {"a field more", RECORD(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"),
       RECORD(R"({"name":"a","type":"int"})"), false},
      {"a field more with a default",
       RECORD(R"({"name":"a","type":"int"},{"name":"b","type":"int","default":1})"),
       RECORD(R"({"name":"a","type":"int"})"), true},
      {"fields in another order", RECORD(R"({"name":"b","type":"int"},{"name":"a","type":"int"})"),
       RECORD(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"), true},
      {"a field of another type", RECORD(R"({"name":"a","type":"string"})"),
       RECORD(R"({"name":"a","type":"int"})"), false},
      {"a field renamed", RECORD(R"({"name":"b","type":"int"})"),
       RECORD(R"({"name":"a","type":"int"})"), false},
      {"a field renamed with an alias", RECORD(R"({"name":"b","aliases":["a"],"type":"int"})"),
       RECORD(R"({"name":"a","type":"int"})"), true},
      {"a record renamed", R"({"type":"record","name":"q","fields":[]})", RECORD(""), false},
      {"a record renamed with an alias",
       R"({"type":"record","name":"q","aliases":["r"],"fields":[]})", RECORD(""), true},
      {"another namespace", R"({"type":"record","name":"x.r","fields":[]})", RECORD(""), true},
      {"an enum with more symbols", R"({"type":"enum","name":"e","symbols":["A","B"]})",
       R"({"type":"enum","name":"e","symbols":["A"]})", true},
      {"an enum with fewer symbols", R"({"type":"enum","name":"e","symbols":["A"]})",
       R"({"type":"enum","name":"e","symbols":["A","B"]})", false},
      {"an enum with fewer symbols and a default",
       R"({"type":"enum","name":"e","symbols":["A"],"default":"A"})",
       R"({"type":"enum","name":"e","symbols":["A","B"]})", true},
      {"fixed of the same size", R"({"type":"fixed","name":"f","size":4})",
       R"({"type":"fixed","name":"f","size":4})", true},
      {"fixed of another size", R"({"type":"fixed","name":"f","size":4})",
       R"({"type":"fixed","name":"f","size":8})", false},
      {"types within themselves", RECORD(R"({"name":"next","type":["null","r"]})"),
       RECORD(R"({"name":"next","type":["null","r"]})"), true},
      {"a deep mismatch", RECORD(R"({"name":"a","type":{"type":"array","items":"int"}})"),
       RECORD(R"({"name":"a","type":{"type":"array","items":"string"}})"), false},
  };
  check(SchemaKind::Avro, kCases);
  EXPECT_GE(std::size(kCases), 40u);
}

// Each union can be read by two records of the next level, so the number of possible matches doubles with each
// level.
TEST(Compatibility, avro_unions_within_unions_end) {
  const auto schema = [](std::string_view last) {
    std::string fields, declared = R"("int")";
    for (int i = 30; i > 0; --i) {
      const auto record = [&](const char* space, const std::string& field) {
        return R"({"type":"record","name":")" + std::string(space) + ".R" + std::to_string(i) +
               R"(","fields":[{"name":"f","type":)" + field + "}]}";
      };
      const std::string again = i == 30 ? std::string(last)
                                        : R"(["a.R)" + std::to_string(i + 1) + R"(","b.R)" +
                                              std::to_string(i + 1) + R"("])";
      declared = "[" + record("a", i == 30 ? std::string(last) : declared) + "," +
                 record("b", again) + "]";
    }
    return declared;
  };
  const SchemaText reader{SchemaKind::Avro, schema(R"("int")")};
  EXPECT_TRUE(problems_of(reader, {SchemaKind::Avro, schema(R"("int")")}).empty());
  EXPECT_FALSE(problems_of(reader, {SchemaKind::Avro, schema(R"("string")")}).empty());
}

// The comparison searches each symbol of one enum in the other enum, so a slow search would take very long.
TEST(Compatibility, avro_enums_of_many_symbols_end) {
  const auto schema = [](int first) {
    std::string symbols = "\"A\"";
    for (int i = 0; i < 60'000; ++i) symbols += ",\"S" + std::to_string(first + i) + "\"";
    return R"({"type":"enum","name":"E","symbols":[)" + symbols + "]}";
  };
  const SchemaText reader{SchemaKind::Avro, schema(0)};
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(problems_of(reader, reader).empty());
  EXPECT_FALSE(problems_of(reader, {SchemaKind::Avro, schema(60'000)}).empty());
  // this once took ten seconds
  EXPECT_FASTER(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
}

#define PROTO(body) "syntax = \"proto3\"; " body

TEST(Compatibility, protobuf) {
  constexpr Case kCases[] = {
      {"the same", PROTO("message M { int32 a = 1; }"), PROTO("message M { int32 a = 1; }"), true},
      {"a field more", PROTO("message M { int32 a = 1; int32 b = 2; }"),
       PROTO("message M { int32 a = 1; }"), true},
      {"a field less", PROTO("message M { int32 a = 1; }"),
       PROTO("message M { int32 a = 1; int32 b = 2; }"), true},
      {"a field renamed", PROTO("message M { int32 z = 1; }"), PROTO("message M { int32 a = 1; }"),
       true},
      {"int32 to int64", PROTO("message M { int64 a = 1; }"), PROTO("message M { int32 a = 1; }"),
       true},
      {"int64 to int32", PROTO("message M { int32 a = 1; }"), PROTO("message M { int64 a = 1; }"),
       true},
      {"int32 to uint64", PROTO("message M { uint64 a = 1; }"), PROTO("message M { int32 a = 1; }"),
       true},
      {"int32 to bool", PROTO("message M { bool a = 1; }"), PROTO("message M { int32 a = 1; }"),
       true},
      {"sint32 to sint64", PROTO("message M { sint64 a = 1; }"),
       PROTO("message M { sint32 a = 1; }"), true},
      {"string to bytes", PROTO("message M { bytes a = 1; }"), PROTO("message M { string a = 1; }"),
       true},
      {"fixed32 to sfixed32", PROTO("message M { sfixed32 a = 1; }"),
       PROTO("message M { fixed32 a = 1; }"), true},
      {"fixed64 to sfixed64", PROTO("message M { sfixed64 a = 1; }"),
       PROTO("message M { fixed64 a = 1; }"), true},
      {"int32 to sint32", PROTO("message M { sint32 a = 1; }"), PROTO("message M { int32 a = 1; }"),
       false},
      {"int32 to string", PROTO("message M { string a = 1; }"), PROTO("message M { int32 a = 1; }"),
       false},
      {"int32 to fixed32", PROTO("message M { fixed32 a = 1; }"),
       PROTO("message M { int32 a = 1; }"), false},
      {"fixed32 to fixed64", PROTO("message M { fixed64 a = 1; }"),
       PROTO("message M { fixed32 a = 1; }"), false},
      {"float to double", PROTO("message M { double a = 1; }"), PROTO("message M { float a = 1; }"),
       false},
      {"int32 to float", PROTO("message M { float a = 1; }"), PROTO("message M { int32 a = 1; }"),
       false},
      {"int32 to repeated", PROTO("message M { repeated int32 a = 1; }"),
       PROTO("message M { int32 a = 1; }"), false},
      {"repeated to int32", PROTO("message M { int32 a = 1; }"),
       PROTO("message M { repeated int32 a = 1; }"), false},
      {"string to repeated", PROTO("message M { repeated string a = 1; }"),
       PROTO("message M { string a = 1; }"), true},
      {"a message more", PROTO("message M { int32 a = 1; } message N {}"),
       PROTO("message M { int32 a = 1; }"), true},
      {"a message less", PROTO("message M { int32 a = 1; }"),
       PROTO("message M { int32 a = 1; } message N {}"), false},
      {"another package", PROTO("package q; message M { int32 a = 1; }"),
       PROTO("package p; message M { int32 a = 1; }"), true},
      {"a message to a number", PROTO("message M { int32 a = 1; message I {} }"),
       PROTO("message M { I a = 1; message I {} }"), false},
      {"a number to a message", PROTO("message M { I a = 1; message I {} }"),
       PROTO("message M { int32 a = 1; message I {} }"), false},
      {"another message type", PROTO("message M { J a = 1; message I {} message J {} }"),
       PROTO("message M { I a = 1; message I {} message J {} }"), false},
      {"a change in an inner message", PROTO("message M { I a = 1; message I { string x = 1; } }"),
       PROTO("message M { I a = 1; message I { int32 x = 1; } }"), false},
      {"a field more in an inner message",
       PROTO("message M { I a = 1; message I { int32 x = 1; int32 y = 2; } }"),
       PROTO("message M { I a = 1; message I { int32 x = 1; } }"), true},
      {"an inner message less", PROTO("message M { int32 a = 1; }"),
       PROTO("message M { int32 a = 1; message I {} }"), false},
      {"an enum with more values", PROTO("enum E { A = 0; B = 1; } message M { E a = 1; }"),
       PROTO("enum E { A = 0; } message M { E a = 1; }"), true},
      {"an enum with fewer values", PROTO("enum E { A = 0; } message M { E a = 1; }"),
       PROTO("enum E { A = 0; B = 1; } message M { E a = 1; }"), true},
      {"an enum to a string", PROTO("enum E { A = 0; } message M { string a = 1; }"),
       PROTO("enum E { A = 0; } message M { E a = 1; }"), false},
      {"a map with other values", PROTO("message M { map<string, string> a = 1; }"),
       PROTO("message M { map<string, int32> a = 1; }"), false},
      {"a map with wider values", PROTO("message M { map<string, int64> a = 1; }"),
       PROTO("message M { map<string, int32> a = 1; }"), true},
      {"one field into a new oneof", PROTO("message M { oneof o { int32 a = 1; } }"),
       PROTO("message M { int32 a = 1; }"), true},
      {"two fields into a new oneof", PROTO("message M { oneof o { int32 a = 1; int32 b = 2; } }"),
       PROTO("message M { int32 a = 1; int32 b = 2; }"), false},
      {"a field more in a oneof", PROTO("message M { oneof o { int32 a = 1; int32 b = 2; } }"),
       PROTO("message M { oneof o { int32 a = 1; } }"), true},
      {"a field less in a oneof", PROTO("message M { oneof o { int32 a = 1; } }"),
       PROTO("message M { oneof o { int32 a = 1; int32 b = 2; } }"), false},
      {"a required field more", "syntax = \"proto2\"; message M { required int32 a = 1; }",
       "syntax = \"proto2\"; message M { optional int32 b = 2; }", false},
      {"a required field less", "syntax = \"proto2\"; message M { optional int32 b = 2; }",
       "syntax = \"proto2\"; message M { required int32 a = 1; }", false},
      {"a message within itself", PROTO("message M { M next = 1; }"),
       PROTO("message M { M next = 1; }"), true},
  };
  check(SchemaKind::Protobuf, kCases);
  EXPECT_GE(std::size(kCases), 40u);
}

#define OBJECT(properties) \
  R"({"type":"object","additionalProperties":false,"properties":{)" properties "}}"
#define OPEN(properties) R"({"type":"object","properties":{)" properties "}}"

TEST(Compatibility, json_schema) {
  constexpr Case kCases[] = {
      {"the same", R"({"type":"string"})", R"({"type":"string"})", true},
      {"anything reads all", "{}", R"({"type":"string"})", true},
      {"true reads all", "true", R"({"type":"string"})", true},
      {"a type instead of anything", R"({"type":"string"})", "{}", false},
      {"another type", R"({"type":"string"})", R"({"type":"integer"})", false},
      {"integer to number", R"({"type":"number"})", R"({"type":"integer"})", true},
      {"number to integer", R"({"type":"integer"})", R"({"type":"number"})", false},
      {"a type more", R"({"type":["string","null"]})", R"({"type":"string"})", true},
      {"a type less", R"({"type":"string"})", R"({"type":["string","null"]})", false},
      {"a longer maxLength", R"({"type":"string","maxLength":9})",
       R"({"type":"string","maxLength":5})", true},
      {"a shorter maxLength", R"({"type":"string","maxLength":5})",
       R"({"type":"string","maxLength":9})", false},
      {"maxLength is new", R"({"type":"string","maxLength":5})", R"({"type":"string"})", false},
      {"maxLength is gone", R"({"type":"string"})", R"({"type":"string","maxLength":5})", true},
      {"a larger minLength", R"({"type":"string","minLength":5})",
       R"({"type":"string","minLength":1})", false},
      {"a pattern is new", R"({"type":"string","pattern":"a"})", R"({"type":"string"})", false},
      {"a pattern is gone", R"({"type":"string"})", R"({"type":"string","pattern":"a"})", true},
      {"another pattern", R"({"type":"string","pattern":"b"})",
       R"({"type":"string","pattern":"a"})", false},
      {"a larger maximum", R"({"type":"number","maximum":9})", R"({"type":"number","maximum":5})",
       true},
      {"a smaller maximum", R"({"type":"number","maximum":5})", R"({"type":"number","maximum":9})",
       false},
      {"a smaller minimum", R"({"type":"number","minimum":1})", R"({"type":"number","minimum":5})",
       true},
      {"a larger minimum", R"({"type":"number","minimum":5})", R"({"type":"number","minimum":1})",
       false},
      {"multipleOf is new", R"({"type":"number","multipleOf":2})", R"({"type":"number"})", false},
      {"an enum with more", R"({"enum":["a","b"]})", R"({"enum":["a"]})", true},
      {"an enum with fewer", R"({"enum":["a"]})", R"({"enum":["a","b"]})", false},
      {"an enum is new", R"({"type":"string","enum":["a"]})", R"({"type":"string"})", false},
      {"a property more, open", OPEN(R"("a":{"type":"string"},"b":{"type":"string"})"),
       OPEN(R"("a":{"type":"string"})"), false},
      {"a property of any type more, open", OPEN(R"("a":{"type":"string"},"b":{})"),
       OPEN(R"("a":{"type":"string"})"), true},
      {"a property less, open", OPEN(R"("a":{"type":"string"})"),
       OPEN(R"("a":{"type":"string"},"b":{"type":"string"})"), true},
      {"a property more, closed", OBJECT(R"("a":{"type":"string"},"b":{"type":"string"})"),
       OBJECT(R"("a":{"type":"string"})"), true},
      {"a property less, closed", OBJECT(R"("a":{"type":"string"})"),
       OBJECT(R"("a":{"type":"string"},"b":{"type":"string"})"), false},
      {"a property of another type", OPEN(R"("a":{"type":"integer"})"),
       OPEN(R"("a":{"type":"string"})"), false},
      {"it is closed", OBJECT(R"("a":{"type":"string"})"), OPEN(R"("a":{"type":"string"})"), false},
      {"it is opened", OPEN(R"("a":{"type":"string"})"), OBJECT(R"("a":{"type":"string"})"), true},
      {"a property becomes required",
       R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})",
       OPEN(R"("a":{"type":"string"})"), false},
      {"a property with a default becomes required",
       R"({"type":"object","properties":{"a":{"type":"string","default":""}},"required":["a"]})",
       OPEN(R"("a":{"type":"string"})"), true},
      {"a property is required no more", OPEN(R"("a":{"type":"string"})"),
       R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"]})", true},
      {"a required property more, closed",
       R"({"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}},"required":["a"]})",
       OBJECT(""), false},
      {"a wider choice", R"({"oneOf":[{"type":"string"},{"type":"integer"}]})",
       R"({"oneOf":[{"type":"string"}]})", true},
      {"a narrower choice", R"({"oneOf":[{"type":"string"}]})",
       R"({"oneOf":[{"type":"string"},{"type":"integer"}]})", false},
      {"into a choice", R"({"oneOf":[{"type":"null"},{"type":"string"}]})", R"({"type":"string"})",
       true},
      {"out of a choice", R"({"type":"string"})",
       R"({"oneOf":[{"type":"null"},{"type":"string"}]})", false},
      {"items of a wider type", R"({"type":"array","items":{"type":"number"}})",
       R"({"type":"array","items":{"type":"integer"}})", true},
      {"items of a narrower type", R"({"type":"array","items":{"type":"integer"}})",
       R"({"type":"array","items":{"type":"number"}})", false},
      {"fewer items", R"({"type":"array","maxItems":1})", R"({"type":"array","maxItems":2})",
       false},
      {"unique items", R"({"type":"array","uniqueItems":true})", R"({"type":"array"})", false},
      {"a definition that changes",
       R"({"$ref":"#/definitions/a","definitions":{"a":{"type":"integer"}}})",
       R"({"$ref":"#/definitions/a","definitions":{"a":{"type":"string"}}})", false},
      {"a definition within itself", R"({"type":"object","properties":{"next":{"$ref":"#"}}})",
       R"({"type":"object","properties":{"next":{"$ref":"#"}}})", true},
  };
  check(SchemaKind::Json, kCases);
  EXPECT_GE(std::size(kCases), 40u);
}

}  // namespace
}  // namespace engine
