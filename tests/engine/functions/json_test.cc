#include <gtest/gtest.h>

#include "tests/engine/functions/call.h"

using namespace functions_test;
using engine::TypeKind;

namespace {

const Typed kNoText{TypeKind::String, {}};

std::string field(const char* json, const char* path) {
  return shown("EXTRACTJSONFIELD", {json, path});
}

}  // namespace

TEST(Json, fields_are_found_by_path) {
  const char kJson[] = R"({"a": {"b": [1, {"c": "x"}]}, "d e": 2, "n": null, "a-b": true})";
  EXPECT_EQ(field(kJson, "$.a.b[1].c"), "\"x\"");
  EXPECT_EQ(field(kJson, "$['a'].b"), R"("[1,{\"c\":\"x\"}]")");
  EXPECT_EQ(field(kJson, "$[\"d e\"]"), "\"2\"");
  EXPECT_EQ(field(kJson, "$.n"), "\"null\"");
  EXPECT_EQ(field(kJson, "$.a-b"), "\"true\"");
  EXPECT_EQ(field(kJson, "$.a.missing.c"), "null");
  EXPECT_EQ(field(kJson, "$.a.b[7]"), "null");
  EXPECT_EQ(field("[5]", "$[0]"), "\"5\"");
  EXPECT_EQ(field("", "$.a"), "null");
  EXPECT_EQ(field(kJson, "a.b"), "error: Invalid JSON path: 'a.b'");
  EXPECT_EQ(field(kJson, "$.a["), "error: Invalid JSON path: '$.a['");
  EXPECT_EQ(field("{\"a\":", "$.a"), "error: Invalid JSON format");
}

TEST(Json, numbers_keep_their_spelling_without_exponent) {
  EXPECT_EQ(field(R"({"v": 1.50})", "$.v"), "\"1.50\"");
  EXPECT_EQ(field(R"({"v": 123456789012345678901234567890})", "$.v"),
            "\"123456789012345678901234567890\"");
  EXPECT_EQ(field(R"({"v": 15e2})", "$.v"), "\"1500\"");
  EXPECT_EQ(field(R"({"v": -1.5E-3})", "$.v"), "\"-0.0015\"");
  EXPECT_EQ(field(R"({"v": 1e999999999})", "$.v"), "\"1e999999999\"");
  EXPECT_EQ(field(R"({"v": 01})", "$.v"), "error: Invalid JSON format");
}

TEST(Json, only_the_first_value_counts) {
  EXPECT_EQ(field(R"({"a":1}})", "$.a"), "\"1\"");
  EXPECT_EQ(field(R"({"a":1,"a":2})", "$.a"), "\"2\"");
  EXPECT_EQ(shown("IS_JSON_STRING", {"1"}), "true");
  EXPECT_EQ(shown("IS_JSON_STRING", {"\"abc\""}), "true");
  EXPECT_EQ(shown("IS_JSON_STRING", {"abc"}), "false");
  EXPECT_EQ(shown("IS_JSON_STRING", {" "}), "false");
  EXPECT_EQ(shown("IS_JSON_STRING", {kNoText}), "false");
}

TEST(Json, deep_nesting_is_refused_and_not_fatal) {
  const std::string deep(100'000, '[');
  EXPECT_EQ(shown("IS_JSON_STRING", {deep.c_str()}), "false");
  const std::string closed = std::string(2000, '[') + std::string(2000, ']');
  EXPECT_EQ(shown("JSON_ARRAY_LENGTH", {closed.c_str()}).substr(0, 6), "error:");
}

TEST(Json, arrays_answer_questions_by_type) {
  const char kArray[] = R"([1, 2.5, "2", true, null])";
  EXPECT_EQ(shown("JSON_ARRAY_LENGTH", {kArray}), "5");
  EXPECT_EQ(shown("JSON_ARRAY_LENGTH", {"{}"}), "null");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, 1}), "true");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, 2}), "false");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, 2.5}), "true");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, 1.0}), "false");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, "2"}), "true");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, true}), "true");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {kArray, kNoText}), "true");
  EXPECT_EQ(shown("JSON_ARRAY_CONTAINS", {"{", 1}), "false");
}

TEST(Json, texts_are_taken_apart_and_joined) {
  EXPECT_EQ(shown("JSON_ITEMS", {R"([1, "a", {"b": [2]}])"}), R"(["1","\"a\"","{\"b\":[2]}"])");
  EXPECT_EQ(shown("JSON_ITEMS", {"{}"}), "error: the JSON text is not an array");
  EXPECT_EQ(shown("JSON_KEYS", {R"({"b": 1, "a": 2})"}), R"(["b","a"])");
  EXPECT_EQ(shown("JSON_KEYS", {"[]"}), "null");
  EXPECT_EQ(shown("JSON_RECORDS", {R"({"a": "x", "b": [1]})"}), R"({"a":"x","b":"[1]"})");
  EXPECT_EQ(shown("JSON_CONCAT", {R"({"a": 1})", R"({"a": {"3": 4}})"}), R"("{\"a\":{\"3\":4}}")");
  EXPECT_EQ(shown("JSON_CONCAT", {"[1, 2]", R"({"a": 1})", "4"}), R"("[1,2,{\"a\":1},4]")");
  EXPECT_EQ(shown("JSON_CONCAT", {"1", ""}), "null");
  EXPECT_EQ(shown("JSON_CONCAT", {"null", "null"}), "\"[null,null]\"");
}

TEST(Json, any_value_becomes_json_with_sorted_names) {
  EXPECT_EQ(shown("TO_JSON_STRING", {map({{"b", 1}, {"a", nullptr}})}),
            R"("{\"a\":null,\"b\":1}")");
  EXPECT_EQ(shown("TO_JSON_STRING", {kNoText}), "\"null\"");
  EXPECT_EQ(shown("TO_JSON_STRING", {{TypeKind::Time, engine::Value::integer(60'220'000)}}),
            R"("\"16:43:40\"")");
  EXPECT_EQ(shown("TO_JSON_STRING", {bytes("!")}), R"("\"IQ==\"")");
  const Typed structure{
      engine::SqlType::structure({{"NAME", TypeKind::String}, {"ID", TypeKind::Integer}}),
      engine::Value::list({engine::Value::text("Alice"), engine::Value::integer(1)})};
  EXPECT_EQ(shown("TO_JSON_STRING", {structure}), R"("{\"ID\":1,\"NAME\":\"Alice\"}")");
}
