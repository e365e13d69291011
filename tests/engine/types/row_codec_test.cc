#include "engine/types/row_codec.h"

#include <algorithm>

#include "engine/types/row_columns.h"
#include "tests/engine/types/random_values.h"

namespace engine {
namespace {

struct Row {
  std::vector<SqlType> types;
  ValueList values;
};

Row random_row(uint64_t seed) {
  Random random(seed);
  Row row;
  for (uint64_t left = random.next() % 12; left > 0; --left) {
    row.types.push_back(random_type(random, 3));
    row.values.push_back(random_value(random, row.types.back()));
  }
  return row;
}

std::string encoded(const Row& row) {
  std::vector<Column> columns;
  std::vector<const Column*> pointers;
  for (size_t i = 0; i < row.types.size(); ++i)
    columns.emplace_back(row.types[i]).append_value(row.values[i]);
  for (const Column& column : columns) pointers.push_back(&column);
  std::string bytes;
  encode_row(pointers, 0, bytes);
  return bytes;
}

Result<ValueList> decoded(const std::vector<SqlType>& types, std::string_view bytes,
                          RowStrings strings) {
  std::vector<Column> columns;
  std::vector<Column*> pointers;
  for (const SqlType& type : types) columns.emplace_back(type);
  for (Column& column : columns) pointers.push_back(&column);
  TRY(decode_row(bytes, pointers, strings));
  ValueList values;
  for (const Column& column : columns) {
    EXPECT_EQ(column.size(), 1u);
    values.push_back(column.value_at(0));
  }
  return values;
}

TEST(RowCodec, flat_rows_come_back_in_their_places) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Row row = random_row(seed);
    if (std::ranges::any_of(row.types, &SqlType::is_nested)) continue;
    std::vector<Column> columns;
    std::vector<Column*> pointers;
    for (const SqlType& type : row.types) columns.emplace_back(type).resize(3);
    for (Column& column : columns) pointers.push_back(&column);
    const std::string bytes = encoded(row);
    ASSERT_TRUE(decode_row_at(bytes, pointers, 2)) << "seed " << seed;
    for (size_t i = 0; i < columns.size(); ++i) {
      EXPECT_TRUE(columns[i].is_null(1)) << "seed " << seed;
      EXPECT_EQ(columns[i].value_at(2), row.values[i]) << "seed " << seed;
    }
    if (bytes.size() > 1) {
      const Status cut =
          decode_row_at(std::string_view(bytes).substr(0, bytes.size() - 1), pointers, 0);
      EXPECT_FALSE(cut) << "seed " << seed;
    }
  }
}

TEST(RowCodec, some_columns_are_decoded_without_the_others) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Row row = random_row(seed);
    if (std::ranges::any_of(row.types, &SqlType::is_nested)) continue;
    Random random(seed);
    std::vector<bool> wanted;
    std::vector<Column> columns;
    std::vector<Column*> pointers;
    for (const SqlType& type : row.types) {
      wanted.push_back(random.next() % 2 == 0);
      columns.emplace_back(type);
      if (wanted.back()) columns.back().resize(2);
    }
    for (Column& column : columns) pointers.push_back(&column);
    const RowColumns some(pointers, wanted);
    const std::string bytes = encoded(row);
    ASSERT_TRUE(some.decode_at(bytes, 1)) << "seed " << seed;
    for (size_t i = 0; i < columns.size(); ++i) {
      ASSERT_EQ(columns[i].size(), wanted[i] ? 2u : 0u) << "seed " << seed;
      if (wanted[i]) {
        EXPECT_EQ(columns[i].value_at(1), row.values[i]) << "seed " << seed;
      }
    }
    if (!wanted.empty() && wanted.back() && bytes.size() > 1) {
      EXPECT_FALSE(some.decode_at(std::string_view(bytes).substr(0, bytes.size() - 1), 0) &&
                   !row.values.back().is_null())
          << "seed " << seed;
    }
  }
}

TEST(RowCodec, rows_of_all_types_come_back) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Row row = random_row(seed);
    const std::string bytes = encoded(row);
    for (const RowStrings strings : {RowStrings::Copy, RowStrings::View}) {
      const Result<ValueList> back = decoded(row.types, bytes, strings);
      ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().message;
      EXPECT_EQ(*back, row.values) << "seed " << seed;
    }
  }
}

TEST(RowCodec, a_row_that_is_cut_or_too_long_is_refused) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const Row row = random_row(seed);
    const std::string bytes = encoded(row);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const auto cut =
          decoded(row.types, std::string_view(bytes).substr(0, size), RowStrings::View);
      ASSERT_FALSE(cut) << "seed " << seed << ", " << size << " of " << bytes.size();
      EXPECT_EQ(cut.error().code, ErrorCode::CorruptRecord);
    }
    EXPECT_FALSE(decoded(row.types, bytes + '\0', RowStrings::View)) << "seed " << seed;
  }
}

// Damaged bytes may give any result, but no crash and no allocation that is much larger than the
// bytes.
TEST(RowCodec, damaged_bytes_do_no_harm) {
  Random random(7);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Row row = random_row(seed);
    std::string bytes = encoded(row);
    for (int round = 0; round < 20 && !bytes.empty(); ++round) {
      bytes[random.next() % bytes.size()] = static_cast<char>(random.next());
      (void)decoded(row.types, bytes, RowStrings::Copy);
    }
  }
}

}  // namespace
}  // namespace engine
