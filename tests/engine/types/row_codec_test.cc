#include "engine/types/row_codec.h"

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

// Any outcome but a crash, or memory that the bytes do not pay for.
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
