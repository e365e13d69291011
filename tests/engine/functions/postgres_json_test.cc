#include <gtest/gtest.h>

#include <random>
#include <string>

#include "engine/functions/json/json_tree.h"
#include "tests/engine/functions/call.h"

using namespace functions_test;

namespace {

std::string get(const std::string& text, const char* name) {
  return shown("PG_CATALOG.JSON_GET", {text.c_str(), name});
}

// Returns a random value with names "a", "b" and "c", numbers and strings, some levels deep.
std::string random_json(std::mt19937& random, int depth) {
  constexpr const char* kScalars[] = {"1",    "-2.50", "\"x\"", "\"a\\\"b\\\\\"",
                                      "true", "null",  "\"[{\""};
  const auto below = [&random](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const unsigned kind = below(4);
  if (depth == 0 || kind == 0) return kScalars[below(std::size(kScalars))];
  const bool is_object = kind == 1;
  std::string text(is_object ? "{" : "[");
  const unsigned count = below(4);
  for (unsigned i = 0; i < count; ++i) {
    if (i > 0) text += below(2) == 0 ? "," : " , ";
    if (is_object) text += std::string("\"") + static_cast<char>('a' + below(3)) + "\" : ";
    text += random_json(random, depth - 1);
  }
  return text + (is_object ? "}" : "]");
}

std::string compact(std::string_view text) {
  std::string out;
  engine::json::append(out, engine::json::Parser().parse(text).value_or(engine::json::Node()));
  return out;
}

}  // namespace

TEST(PostgresJson, slices_equal_those_of_a_tree) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_json(random, 4);
    const engine::json::Node tree = *engine::json::Parser().parse(text);
    const engine::json::Node* member =
        tree.kind == engine::json::Node::Kind::Object ? tree.find("a") : nullptr;
    const auto found = call("PG_CATALOG.JSON_GET", {text.c_str(), "a"});
    ASSERT_TRUE(found) << text;
    ASSERT_EQ(found->is_null(), member == nullptr) << text;
    if (!member) continue;
    std::string wanted;
    engine::json::append(wanted, *member);
    EXPECT_EQ(compact(found->as_string()), wanted) << text;
    const auto said = call("PG_CATALOG.JSON_GET_TEXT", {text.c_str(), "a"});
    if (member->kind == engine::json::Node::Kind::String)
      EXPECT_EQ(said->as_string(), member->text) << text;
    else
      EXPECT_EQ(said->is_null(), member->kind == engine::json::Node::Kind::Null) << text;
  }
}

// Topics may contain any text. The result for any damaged text must be an answer or an error.
TEST(PostgresJson, damaged_texts_are_errors_and_nothing_worse) {
  std::mt19937 random(8);
  size_t errors = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = random_json(random, 4);
    const size_t at = random() % (text.size() + 1);
    constexpr std::string_view kPut = "{}[]\",:\\ux1";
    if (random() % 2 == 0)
      text.resize(at);
    else
      text.insert(at, 1, kPut[random() % kPut.size()]);
    for (const char* function :
         {"PG_CATALOG.JSON_NAMES", "PG_CATALOG.JSON_ELEMENTS", "PG_CATALOG.JSON_MEMBERS",
          "PG_CATALOG.JSON_ELEMENT_TEXTS", "JSON_TYPEOF", "JSON_STRIP_NULLS", "JSONB_PRETTY"})
      errors += shown(function, {text.c_str()}).starts_with("error");
    errors += shown("PG_CATALOG.CONTAINS", {text.c_str(), "{\"a\": 1}"}).starts_with("error");
    errors += shown("PG_CATALOG.JSON_DELETE", {text.c_str(), "a"}).starts_with("error");
    errors += shown("PG_CATALOG.JSON_CONCAT", {text.c_str(), text.c_str()}).starts_with("error");
    errors +=
        shown("JSONB_SET", {text.c_str(), std::vector<Typed>{"a", "0"}, "5"}).starts_with("error");
  }
  EXPECT_GT(errors, 3000U);
}

TEST(PostgresJson, depth_has_a_bound) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(shown("JSON_STRIP_NULLS", {deep.c_str()}), "error: JSON is nested too deeply");
  EXPECT_TRUE(shown("JSONB_PRETTY", {deep.c_str()}).starts_with("error: "));
  EXPECT_TRUE(shown("PG_CATALOG.CONTAINS", {deep.c_str(), "1"}).starts_with("error: "));
  EXPECT_EQ(shown("JSON_TYPEOF", {deep.c_str()}), "\"array\"");
}

TEST(PostgresJson, escapes_are_characters) {
  const std::string text = R"({"\u0041": "\ud83d\ude00\u00e9\n\/", "b": "\ud83dx", "c": "\udc00"})";
  EXPECT_EQ(get(text, "A"), R"("\"\\ud83d\\ude00\\u00e9\\n\\/\"")");
  EXPECT_EQ(shown("PG_CATALOG.JSON_GET_TEXT", {text.c_str(), "A"}), "\"\U0001F600\u00e9\\n/\"");
  EXPECT_EQ(shown("PG_CATALOG.JSON_GET_TEXT", {text.c_str(), "b"}), "\"\uFFFDx\"");
  EXPECT_EQ(shown("PG_CATALOG.JSON_GET_TEXT", {text.c_str(), "c"}), "\"\uFFFD\"");
}
