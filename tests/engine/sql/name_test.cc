#include "engine/sql/ast_name.h"

#include <chrono>

#include "tests/engine/sql/parse_helpers.h"
#include "tests/patience.h"

namespace engine {
namespace {

std::string resolved(std::string_view text, const CustomTypes& custom_types = {}) {
  const Result<TypeName> name = parse_type(text);
  if (!name) return "error: " + name.error().message;
  const Result<SqlType> type = resolve_type(*name, custom_types);
  return type ? type->to_string() : "error: " + type.error().message;
}

TEST(TypeName, all_types_and_their_aliases_resolve) {
  EXPECT_EQ(resolved("boolean"), "BOOLEAN");
  EXPECT_EQ(resolved("INT"), "INTEGER");
  EXPECT_EQ(resolved("integer"), "INTEGER");
  EXPECT_EQ(resolved("bigint"), "BIGINT");
  EXPECT_EQ(resolved("double"), "DOUBLE");
  EXPECT_EQ(resolved("double precision"), "DOUBLE");
  EXPECT_EQ(resolved("dec(4,2)"), "DECIMAL(4, 2)");
  EXPECT_EQ(resolved("varchar"), "STRING");
  EXPECT_EQ(resolved("varchar(STRING)"), "STRING");
  EXPECT_EQ(resolved("string(10)"), "STRING");
  EXPECT_EQ(resolved("bytes"), "BYTES");
  EXPECT_EQ(resolved("date"), "DATE");
  EXPECT_EQ(resolved("time"), "TIME");
  EXPECT_EQ(resolved("timestamp"), "TIMESTAMP");
  EXPECT_EQ(resolved("array<map<string, int>>"), "ARRAY<MAP<STRING, INTEGER>>");
  EXPECT_EQ(resolved("int array"), "ARRAY<INTEGER>");
  EXPECT_EQ(resolved("struct<a int, `b` struct<>>"), "STRUCT<`A` INTEGER, `b` STRUCT<>>");
}

TEST(TypeName, postgresql_names_resolve_too) {
  EXPECT_EQ(resolved("text"), "STRING");
  EXPECT_EQ(resolved("int8"), "BIGINT");
  EXPECT_EQ(resolved("int4[]"), "ARRAY<INTEGER>");
  EXPECT_EQ(resolved("numeric(6, 1)"), "DECIMAL(6, 1)");
  EXPECT_EQ(resolved("timestamp with time zone"), "TIMESTAMP");
  EXPECT_EQ(resolved("character varying(10)"), "STRING");
}

TEST(TypeName, custom_types_are_found_by_name_and_go_before_postgresqls) {
  const CustomTypes custom = {{"ADDRESS", SqlType(TypeKind::String)},
                              {"TEXT", SqlType(TypeKind::Bytes)}};
  EXPECT_EQ(resolved("array<address>", custom), "ARRAY<STRING>");
  EXPECT_EQ(resolved("text", custom), "BYTES");
  EXPECT_EQ(resolved("`address`", custom), "error: Cannot resolve unknown type: address");
  EXPECT_EQ(resolved("map<string, nowhere>"), "error: Cannot resolve unknown type: NOWHERE");
}

TEST(TypeName, a_decimal_is_checked) {
  EXPECT_EQ(resolved("decimal(0, 0)"), "error: DECIMAL precision must be >= 1");
  EXPECT_EQ(resolved("decimal(2, 3)"), "error: DECIMAL precision must be >= scale");
  EXPECT_EQ(resolved("decimal(39, 0)"),
            "error: a DECIMAL of more than 38 digits is not supported yet");
  EXPECT_EQ(resolved("decimal"),
            "error: DECIMAL needs a precision and a scale, for example DECIMAL(10, 2)");
}

TEST(Name, only_names_that_would_not_read_back_are_quoted) {
  EXPECT_EQ(quote_if_needed("ORDERS_2"), "ORDERS_2");
  EXPECT_EQ(quote_if_needed("TOPIC"), "TOPIC");
  EXPECT_EQ(quote_if_needed("SELECT"), "`SELECT`");
  EXPECT_EQ(quote_if_needed("orders"), "`orders`");
  EXPECT_EQ(quote_if_needed("a`b"), "`a``b`");
  EXPECT_EQ(quote_if_needed(""), "``");
}

// Returns the text after the substitution of variables, or the error.
std::string substituted(std::string_view text, const std::map<std::string, std::string>& variables,
                        size_t max_bytes = 1000) {
  const auto result = substitute_variables(text, variables, max_bytes);
  return result ? *result : result.error().message;
}

TEST(Variables, are_replaced_wherever_they_stand) {
  const std::map<std::string, std::string> variables = {{"topic", "t1"}, {"N", "'x'"}};
  EXPECT_EQ(substituted("PRINT ${TOPIC} ${n};", variables), "PRINT t1 'x';");
  EXPECT_EQ(substituted("'${topic}' ${unknown} ${", variables), "'t1' ${unknown} ${");
  EXPECT_EQ(substituted("${${topic}}", variables), "${t1}");
  EXPECT_EQ(substituted("${a ${topic} b}${topic}", variables), "${a t1 b}t1");
  EXPECT_EQ(substituted("$${topic} $${topic}${topic}$", variables), "${topic} ${topic}t1$");
  EXPECT_EQ(substituted("$${unknown}", variables), "${unknown}");
  EXPECT_EQ(substituted("", variables), "");
}

TEST(Variables, the_substituted_text_is_bounded) {
  const std::map<std::string, std::string> variables = {{"a", std::string(100, 'x')}};
  EXPECT_EQ(substituted("${a}${a}", variables, 200), std::string(200, 'x'));
  EXPECT_EQ(substituted("${a}${a}.", variables, 200),
            "the statement is longer than 200 bytes after substitution of its variables");
  std::string many;
  while (many.size() < 4'000'000) many += "${a}";
  EXPECT_EQ(substituted(many, {{"a", ""}}, many.size()),
            "the statement refers to more than 100000 variables");
}

// The time must be proportional to the length of the text; with quadratic time a text that is a
// hundred times longer would take ten thousand times as long.
TEST(Variables, beginnings_without_ends_take_no_time) {
  std::string text;
  while (text.size() < 4'000'000) text += "${";
  text += '}';
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(substituted(text, {{"a", "b"}}, text.size()), text);
  EXPECT_FASTER(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
}

}  // namespace
}  // namespace engine
