#include "client/sql/result_printer.h"

#include <gtest/gtest.h>

#include "client/sql/text_width.h"

namespace client {

namespace {

constexpr uint32_t kInteger = 23, kText = 25, kIntegers = 1007, kTexts = 1009;

TEST(ResultPrinter, after_a_pause_columns_keep_their_widths) {
  const auto printer = make_result_printer(ResultFormat::Table, false);
  printer->begin({{"id", kInteger}, {"city", kText}});
  printer->row(std::vector<Cell>{"1", "Oslo"});
  EXPECT_EQ(printer->take(), "");
  printer->pause();
  EXPECT_EQ(printer->take(), " id | city \n----+------\n  1 | Oslo\n");
  printer->row(std::vector<Cell>{"12345", std::nullopt});
  EXPECT_EQ(printer->take(), " 12345 | \n");
  printer->end();
  EXPECT_EQ(printer->take(), "(2 rows)\n\n");
}

TEST(ResultPrinter, arrays_become_json_with_the_types_of_their_elements) {
  EXPECT_EQ(to_json("{1,NULL,2}", kIntegers), "[1,null,2]");
  EXPECT_EQ(to_json("{{1,2},{3,4}}", kIntegers), "[[1,2],[3,4]]");
  EXPECT_EQ(to_json("{\"a \\\"b\\\\\",\"NULL\",NULL,c}", kTexts), R"(["a \"b\\","NULL",null,"c"])");
  EXPECT_EQ(to_json("{}", kTexts), "[]");
  EXPECT_EQ(to_json("{1", kIntegers), "\"{1\"");
}

TEST(ResultPrinter, numbers_that_json_does_not_have_are_texts) {
  EXPECT_EQ(to_json("NaN", 701), "\"NaN\"");
  EXPECT_EQ(to_json("-1.5e+300", 701), "-1.5e+300");
  EXPECT_EQ(to_json("{\"a\":\n1}", 3802), "{\"a\": 1}");
}

TEST(ResultPrinter, a_text_is_as_wide_as_a_terminal_shows_it) {
  EXPECT_EQ(display_width("Oslo"), 4u);
  EXPECT_EQ(display_width("東京"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("\xff"), 1u);
}

}  // namespace

}  // namespace client
