// Tests how lines and CSV records are read from the bytes of a file.
#include "engine/connect/delimited_text.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

std::vector<std::string> records_of(std::string_view text, TextEnd end) {
  std::vector<std::string> records;
  while (const auto record = first_csv_record(text, end, {})) {
    records.emplace_back(record->text);
    text.remove_prefix(record->size);
  }
  return records;
}

std::string shown(std::string_view record, const CsvSettings& settings = {}) {
  const auto fields = split_csv(record, settings);
  if (!fields) return "error: " + fields.error().message;
  std::string text;
  for (const auto& field : *fields) text += field ? "[" + *field + "]" : "NULL";
  return text;
}

TEST(DelimitedText, half_a_line_waits_until_the_file_is_final) {
  EXPECT_EQ(first_line("a\r\nb", TextEnd::MayGrow)->text, "a");
  EXPECT_EQ(first_line("a\r\nb", TextEnd::MayGrow)->size, 3U);
  EXPECT_FALSE(first_line("b", TextEnd::MayGrow));
  EXPECT_EQ(first_line("b", TextEnd::IsFinal)->text, "b");
  EXPECT_FALSE(first_line("", TextEnd::IsFinal));
}

TEST(DelimitedText, a_quoted_field_may_have_line_ends_and_quotes) {
  const std::string_view text = "a,\"x\ny\"\r\n\"\"\"q\"\"\",2\nlast";
  EXPECT_EQ(records_of(text, TextEnd::MayGrow),
            (std::vector<std::string>{"a,\"x\ny\"", "\"\"\"q\"\"\",2"}));
  EXPECT_EQ(records_of(text, TextEnd::IsFinal).size(), 3U);
  EXPECT_EQ(shown("a,\"x\ny\""), "[a][x\ny]");
  EXPECT_EQ(shown("\"\"\"q\"\"\",2"), "[\"q\"][2]");
}

TEST(DelimitedText, an_unquoted_null_text_is_null_and_a_quoted_one_is_not) {
  EXPECT_EQ(shown("a,,\"\","), "[a]NULL[]NULL");
  EXPECT_EQ(shown("a;\\N", {.separator = ';', .null_text = "\\N"}), "[a]NULL");
  EXPECT_EQ(shown("a,,", {.null_text = std::nullopt}), "[a][][]");
  EXPECT_EQ(shown(""), "NULL");
}

TEST(DelimitedText, broken_quotes_are_errors_of_the_record) {
  EXPECT_EQ(shown("a,\"b"), "error: field 2 of a CSV record has no closing quote");
  EXPECT_EQ(shown("\"a\"b,c"), "error: field 1 of a CSV record has text after its closing quote");
}

TEST(DelimitedText, an_escape_makes_a_quote_part_of_the_field) {
  const CsvSettings settings{.null_text = std::nullopt, .escape = '\\', .skips_blanks = true};
  const std::string_view text = "a, \"x\\\"\n\",C:\\temp\\\\\nb";
  const auto record = first_csv_record(text, TextEnd::MayGrow, settings);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->text, text.substr(0, text.size() - 2));
  EXPECT_EQ(shown(record->text, settings), "[a][x\"\n][C:\\temp\\]");
  EXPECT_EQ(shown("\"\",", {.null_text = std::nullopt, .is_quoted_empty_null = true}), "NULL[]");
}

TEST(DelimitedText, a_json_value_may_extend_over_several_lines) {
  std::string_view text = " {\"a\": \"}\\\"\",\n\"b\": [1]}\n\n[2] bad\n{\"c\"";
  std::vector<std::string> values;
  while (const auto value = first_json_value(text, TextEnd::MayGrow)) {
    values.emplace_back(value->text);
    text.remove_prefix(value->size);
  }
  EXPECT_EQ(values, (std::vector<std::string>{"{\"a\": \"}\\\"\",\n\"b\": [1]}", "[2]", "bad"}));
  EXPECT_EQ(first_json_value(text, TextEnd::IsFinal)->text, "{\"c\"");
  EXPECT_EQ(first_json_value(" \n", TextEnd::IsFinal)->size, 2U);
  EXPECT_FALSE(first_json_value("", TextEnd::IsFinal));
}

}  // namespace
}  // namespace engine
