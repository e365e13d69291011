#include "engine/types/column_codec.h"

#include <numeric>

#include "tests/engine/types/random_values.h"

namespace engine {
namespace {

std::vector<uint32_t> all_rows(size_t count) {
  std::vector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

Column random_column(Random& random, const SqlType& type, size_t rows, bool has_nulls) {
  Column column(type);
  while (column.size() < rows) {
    const Value value = random_value(random, type);
    if (has_nulls || !value.is_null()) column.append_value(value);
  }
  return column;
}

std::string encoded(const Column& column, std::span<const uint32_t> rows) {
  std::string bytes;
  encode_column(column, rows, bytes);
  return bytes;
}

TEST(ColumnCodec, columns_of_all_types_come_back) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    const SqlType type = random_type(random, 3);
    const Column column = random_column(random, type, random.next() % 40, seed % 2 == 0);
    const std::string bytes = encoded(column, all_rows(column.size()));
    ByteReader in(bytes);
    Column back(type);
    decode_column(in, column.size(), back);
    ASSERT_TRUE(in.ok() && in.at_end()) << "seed " << seed;
    ASSERT_EQ(back.size(), column.size());
    for (size_t row = 0; row < column.size(); ++row)
      ASSERT_TRUE(column.same(row, back, row)) << "seed " << seed << ", row " << row;
  }
}

TEST(ColumnCodec, chosen_rows_are_appended_to_the_existing_ones) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    const SqlType type = random_type(random, 2);
    const Column column = random_column(random, type, 20, true);
    const std::vector<uint32_t> rows{7, 7, 0, 19}, others{3};
    Column back(type);
    for (const std::vector<uint32_t>& chosen : {rows, others}) {
      const std::string bytes = encoded(column, chosen);
      ByteReader in(bytes);
      decode_column(in, chosen.size(), back);
      ASSERT_TRUE(in.ok() && in.at_end()) << "seed " << seed;
      back = back.copy();  // copied, because the contents of `back` are views into `bytes`
    }
    ASSERT_EQ(back.size(), 5u);
    const uint32_t expected[] = {7, 7, 0, 19, 3};
    for (size_t row = 0; row < 5; ++row)
      EXPECT_TRUE(column.same(expected[row], back, row)) << "seed " << seed << ", row " << row;
  }
}

TEST(ColumnCodec, numbers_take_the_bytes_of_their_differences) {
  for (const auto& [numbers, width] : std::vector<std::pair<std::vector<int64_t>, size_t>>{
           {{-5, -5}, 1},
           {{1'700'000'000'000, 1'700'000'000'255}, 1},
           {{0, 256}, 2},
           {{-1, 65'535}, 4},
           {{INT64_MIN, INT64_MAX}, 8}}) {
    std::string bytes;
    encode_numbers(numbers, bytes);
    std::string base;
    append_varint(base, zigzag(numbers.front()));
    EXPECT_EQ(bytes.size(), base.size() + 1 + 2 * width);
    ByteReader in(bytes);
    std::vector<int64_t> back;
    decode_numbers(in, 2, back);
    EXPECT_TRUE(in.ok() && in.at_end());
    EXPECT_EQ(back, numbers);
  }
}

// After an error the reader has no rows and is not ok. It must not allocate memory for sizes that
// exceed the bytes.
TEST(ColumnCodec, cut_bytes_are_noticed) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const SqlType type = random_type(random, 3);
    const Column column = random_column(random, type, 10, true);
    const std::string bytes = encoded(column, all_rows(10));
    for (size_t size = 0; size < bytes.size(); ++size) {
      ByteReader in(std::string_view(bytes).substr(0, size));
      Column back(type);
      decode_column(in, 10, back);
      EXPECT_FALSE(in.ok()) << "seed " << seed << ", " << size << " of " << bytes.size();
    }
    ByteReader in(bytes);
    Column back(type);
    decode_column(in, size_t{1} << 60, back);
    EXPECT_FALSE(in.ok()) << "seed " << seed;
  }
}

TEST(ColumnCodec, damaged_bytes_do_no_harm) {
  Random random(7);
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random of_column(seed);
    const SqlType type = random_type(of_column, 3);
    std::string bytes = encoded(random_column(of_column, type, 12, true), all_rows(12));
    for (int round = 0; round < 20; ++round) {
      bytes[random.next() % bytes.size()] = static_cast<char>(random.next());
      ByteReader in(bytes);
      Column back(type);
      decode_column(in, 12, back);
      for (size_t row = 0; in.ok() && row < back.size(); ++row) (void)back.value_at(row);
    }
  }
}

}  // namespace
}  // namespace engine
