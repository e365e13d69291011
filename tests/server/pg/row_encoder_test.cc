#include "server/pg/row_encoder.h"

#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;
using engine::Column;
using engine::SqlType;
using engine::TypeKind;

namespace {

constexpr size_t kPlenty = SIZE_MAX;

// Returns the lines in CopyData messages.
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

TEST(TableEncoder, draws_tables_as_psql_does) {
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
  ASSERT_EQ(encoder->append_rows(out, data, 0, 3, kPlenty).value_or(0), 3u);
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
  const auto encoder = make_table_encoder({{"text", TypeKind::String}});
  ASSERT_EQ(encoder->append_rows(out, data, 0, 1, kPlenty).value_or(0), 1u);
  EXPECT_EQ(lines_of(out), "     text     \n--------------\n a\\nb\\tc?[31m\n");
}

TEST(TableEncoder, one_long_value_does_not_widen_later_rows) {
  auto city = std::make_shared<Column>(TypeKind::String);
  auto count = std::make_shared<Column>(TypeKind::Integer);
  city->append_copy(std::string(100'000, 'x'));
  for (int i = 0; i < 100; ++i) city->append_copy("y");
  for (int i = 0; i < 101; ++i) count->append(i);
  const auto encoder = make_table_encoder({{"city", TypeKind::String}, {"n", TypeKind::Integer}});
  std::string out;
  ASSERT_EQ(encoder->append_rows(out, std::vector<engine::ColumnPtr>{city, count}, 0, 101, kPlenty)
                .value_or(0),
            101u);
  EXPECT_LT(out.size(), 100'000u + 102 * 400);
}

// Tests the encoders of DataRow messages, of COPY's lines and of tables alike.
class EveryEncoder : public testing::TestWithParam<int> {
 protected:
  std::unique_ptr<RowEncoder> encoder() const {
    std::vector<server::sql::ResultColumn> columns(700, {"s", TypeKind::String});
    CopyOptions csv;
    csv.format = CopyFormat::Csv;
    switch (GetParam()) {
      case 0:
        return make_data_row_encoder(columns, {});
      case 1:
        return make_copy_encoder(columns, {});
      case 2:
        return make_copy_encoder(columns, csv);
      default:
        return make_table_encoder(columns);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, EveryEncoder, testing::Range(0, 4));

TEST_P(EveryEncoder, stops_when_there_is_enough) {
  auto column = std::make_shared<Column>(TypeKind::String);
  for (int i = 0; i < 100; ++i) column->append_copy(std::string(1000, 'x'));
  const std::vector<engine::ColumnPtr> data = {column};
  const auto rows = encoder();
  std::string out;
  size_t next = 0;
  for (int portion = 1; next < 100; ++portion) {
    out.clear();
    const size_t taken = rows->append_rows(out, data, next, 100, 10'000).value_or(0);
    ASSERT_GT(taken, 0u);
    ASSERT_LE(taken, 10u);
    next += taken;
  }
  EXPECT_EQ(rows->append_rows(out, data, 0, 100, out.size()).value_or(1), 0u);
}

TEST_P(EveryEncoder, a_row_that_repeats_a_long_value_is_refused) {
  auto column = std::make_shared<Column>(TypeKind::String);
  column->append_copy("short");
  column->append_copy(std::string(100'000, 'x'));
  const std::vector<engine::ColumnPtr> data(700, column);
  std::string out;
  const auto appended = encoder()->append_rows(out, data, 0, 2, kPlenty);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().message, "a row is longer than 64 MB");
  EXPECT_LT(out.size(), 100'000u);
}

TEST_P(EveryEncoder, an_array_that_repeats_a_long_value_is_refused) {
  const std::string text(100'000, 'x');
  auto column = std::make_shared<Column>(SqlType::array(TypeKind::String));
  column->append_value(engine::Value::list(engine::ValueList(700, engine::Value::text(text))));
  std::string out;
  const auto appended =
      encoder()->append_rows(out, std::vector<engine::ColumnPtr>{column}, 0, 1, kPlenty);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().message, "a row is longer than 64 MB");
}

TEST(DisplayWidth, counts_the_columns_of_a_terminal) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("grüße"), 5u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);  // a letter with a combining accent
  EXPECT_EQ(display_width("\xf0\x9f"), 1u);   // an incomplete character
}
