// Tests the check of values against JSON Schemas. Each row has a schema, a value, and whether the
// value is valid.
#include "engine/formats/json_sr/json_schema_check.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

Status check(const std::string& schema, const std::string& value, uint64_t steps = 100'000,
             std::vector<SchemaText::Reference> references = {}) {
  const auto made = JsonSchemaCheck::make({SchemaKind::Json, schema, std::move(references)}, steps);
  if (!made) return made.error();
  return (*made)->check(*parse_json_tree(value));
}

struct Row {
  const char *schema, *value;
  bool fits;
};

TEST(JsonSchemaCheck, knows_the_keywords_about_values) {
  const Row rows[] = {
      {"true", "1", true},
      {"false", "1", false},
      {"{}", "null", true},
      {R"({"type":"integer"})", "1.0", true},
      {R"({"type":"integer"})", "1.5", false},
      {R"({"type":"number"})", "1e3", true},
      {R"({"type":["string","null"]})", "null", true},
      {R"({"type":["string","null"]})", "1", false},
      {R"({"enum":[1,"a",{"b":[2]}]})", R"({"b":[2.0]})", true},
      {R"({"enum":[1,"a"]})", "2", false},
      {R"({"const":{"a":1,"b":2}})", R"({"b":2,"a":1})", true},
      {R"({"minimum":2})", "2", true},
      {R"({"minimum":2,"exclusiveMinimum":true})", "2", false},
      {R"({"exclusiveMinimum":2})", "2", false},
      {R"({"maximum":2})", "2.01", false},
      {R"({"exclusiveMaximum":2})", "1.99", true},
      {R"({"multipleOf":0.01})", "19.99", true},
      {R"({"multipleOf":2})", "3", false},
      {R"({"minLength":2,"maxLength":3})", R"("äöü")", true},
      {R"({"maxLength":2})", R"("äöü")", false},
      {R"({"pattern":"^a+$"})", R"("aaa")", true},
      {R"({"pattern":"b"})", R"("abc")", true},
      {R"({"pattern":"^b"})", R"("abc")", false},
      // look-ahead cannot be checked, so any value is valid
      {R"x({"pattern":"(?=x)"})x", R"("abc")", true},
      {R"({"items":{"type":"string"}})", R"(["a",1])", false},
      {R"({"items":[{"type":"string"}],"additionalItems":false})", R"(["a",1])", false},
      {R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})", R"(["a",1])", true},
      {R"({"minItems":1,"maxItems":2})", "[1,2,3]", false},
      {R"({"uniqueItems":true})", R"([1,{"a":1},1.0])", false},
      {R"({"contains":{"type":"string"}})", R"([1,"a"])", true},
      {R"({"contains":{"type":"string"},"minContains":2})", R"([1,"a"])", false},
      {R"({"required":["a"]})", R"({"b":1})", false},
      {R"({"properties":{"a":{"type":"string"}}})", R"({"a":1})", false},
      {R"({"properties":{"a":{}},"additionalProperties":false})", R"({"a":1,"b":2})", false},
      {R"({"patternProperties":{"^x":{}},"additionalProperties":false})", R"({"xy":1})", true},
      {R"({"additionalProperties":{"type":"integer"}})", R"({"a":"1"})", false},
      {R"({"propertyNames":{"maxLength":1}})", R"({"ab":1})", false},
      {R"({"minProperties":1,"maxProperties":1})", R"({})", false},
      {R"({"dependencies":{"a":["b"]}})", R"({"a":1})", false},
      {R"({"dependentSchemas":{"a":{"required":["b"]}}})", R"({"a":1,"b":1})", true},
      {R"({"allOf":[{"minimum":1},{"maximum":2}]})", "3", false},
      {R"({"anyOf":[{"type":"string"},{"minimum":3}]})", "3", true},
      {R"({"oneOf":[{"minimum":1},{"minimum":2}]})", "3", false},
      {R"({"not":{"type":"string"}})", R"("a")", false},
      {R"({"if":{"type":"string"},"then":{"minLength":2},"else":{"minimum":2}})", "1", false},
      {R"({"if":{"type":"string"},"then":{"minLength":2}})", "1", true},
      {R"({"definitions":{"a/b":{"type":"string"}},"$ref":"#/definitions/a~1b"})", "1", false},
      {R"({"$defs":{"t":{"$anchor":"here","type":"string"}},"items":{"$ref":"#here"}})", "[1]",
       false},
      {R"({"properties":{"next":{"$ref":"#"}},"additionalProperties":false})",
       R"({"next":{"next":{"x":1}}})", false},
  };
  for (const Row& row : rows) {
    const Status checked = check(row.schema, row.value);
    EXPECT_EQ(checked.has_value(), row.fits)
        << row.schema << " " << row.value << ": " << (checked ? "" : checked.error().message);
  }
}

TEST(JsonSchemaCheck, names_the_place_and_the_error) {
  const Status checked =
      check(R"({"properties":{"a":{"items":{"type":"string"}}}})", R"({"a":["x",{"y":1}]})");
  EXPECT_EQ(checked.error().message, "#/a/1: expected type: \"string\"");
}

TEST(JsonSchemaCheck, follows_references_to_other_schemas) {
  const std::vector<SchemaText::Reference> references = {
      {"other.json", R"({"$defs":{"n":{"type":"integer"}},"items":{"$ref":"#/$defs/n"}})"}};
  EXPECT_TRUE(check(R"({"$ref":"other.json"})", "[1]", 1000, references));
  EXPECT_FALSE(check(R"({"$ref":"other.json#/$defs/n"})", R"("a")", 1000, references));
  EXPECT_FALSE(check(R"({"$ref":"nowhere.json"})", "1"));
}

// The check ends even for a schema that refers to itself, once or many times.
TEST(JsonSchemaCheck, has_an_end) {
  const auto code_of = [](const Status& status) {
    return status ? ErrorCode::kCount : status.error().code;
  };
  EXPECT_EQ(code_of(check(R"({"$ref":"#"})", "1")), ErrorCode::LimitExceeded);
  EXPECT_EQ(code_of(check(R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},)"
                          R"("$ref":"#/$defs/a"})",
                          "1")),
            ErrorCode::LimitExceeded);
  std::string doubled = R"({"$defs":{"x0":{"type":"string"})";
  for (int i = 1; i <= 40; ++i)
    doubled += ",\"x" + std::to_string(i) + "\":{\"anyOf\":[{\"$ref\":\"#/$defs/x" +
               std::to_string(i - 1) + "\"},{\"$ref\":\"#/$defs/x" + std::to_string(i - 1) +
               "\"}]}";
  doubled += R"(},"$ref":"#/$defs/x40"})";
  EXPECT_EQ(code_of(check(doubled, "1")), ErrorCode::LimitExceeded);
  std::string many = "[0";
  for (int i = 1; i < 5'000; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(code_of(check(R"({"uniqueItems":true})", many + "]")), ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace engine
