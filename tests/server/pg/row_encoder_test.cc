#include "server/pg/row_encoder.h"

#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;
using engine::Column;
using engine::SqlType;
using engine::TypeKind;

namespace {

// The lines of CopyData messages.
std::string lines_of(std::string_view messages) {
  std::string lines;
  while (!messages.empty()) {
    const size_t size = 1 + load_be<uint32_t>(messages.data() + 1);
    lines += messages.substr(5, size - 5);
    messages.remove_prefix(size);
  }
  return lines;
}

}  // namespace

TEST(TableEncoder, draws_what_psql_draws) {
  const std::vector<server::sql::ResultColumn> columns = {
      {"city", TypeKind::String}, {"orders", TypeKind::Bigint}, {"total", SqlType::decimal(10, 2)}};
  auto city = std::make_shared<Column>(columns[0].type);
  auto orders = std::make_shared<Column>(columns[1].type);
  auto total = std::make_shared<Column>(columns[2].type);
  for (const char* name : {"Lahore", "Karachi", "Zürich"}) city->append_copy(name);
  for (const int64_t count : {2, 1, 12}) orders->append(count);
  for (const int cents : {16525, 8050}) total->append(engine::Int128{cents});
  total->append_null();
  const std::vector<engine::ColumnPtr> data = {city, orders, total};

  const auto encoder = make_table_encoder(columns);
  std::string out;
  encoder->append_rows(out, data, 0, 3);
  EXPECT_EQ(lines_of(out),
            "  city   | orders | total  \n"
            "---------+--------+--------\n"
            " Lahore  |      2 | 165.25\n"
            " Karachi |      1 |  80.50\n"
            " Zürich  |     12 |       \n");
}

TEST(TableEncoder, keeps_each_row_in_one_line) {
  auto column = std::make_shared<Column>(TypeKind::String);
  column->append_copy("a\nb\tc\x1b[31m");
  const std::vector<engine::ColumnPtr> data = {column};
  std::string out;
  make_table_encoder({{"text", TypeKind::String}})->append_rows(out, data, 0, 1);
  EXPECT_EQ(lines_of(out), "     text     \n--------------\n a\\nb\\tc?[31m\n");
}

TEST(DisplayWidth, counts_what_a_terminal_shows) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("grüße"), 5u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);  // with a combining accent
  EXPECT_EQ(display_width("\xf0\x9f"), 1u);   // cut short
}
