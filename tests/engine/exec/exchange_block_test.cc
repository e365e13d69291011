#include "engine/exec/exchange_block.h"

#include <numeric>

#include "tests/engine/types/random_values.h"

namespace engine {
namespace {

// The types and columns of an exchange with a key and some values, and rows for it.
struct Rows {
  std::vector<SqlType> types;
  ExchangeColumns columns;
  Batch batch;
  Column keys{TypeKind::Bytes};
  std::vector<int64_t> order_times;
  std::vector<uint32_t> all;

  std::string encoded() const {
    std::string bytes;
    encode_exchange_block(batch, keys, columns, order_times, all, bytes);
    return bytes;
  }
  ExchangeRows empty(bool is_table) const {
    ExchangeRows rows;
    for (const SqlType& type : types) rows.columns.emplace_back(type);
    if (is_table)
      for (const SqlType& type : types) rows.old_columns.emplace_back(type);
    return rows;
  }
};

ColumnPtr column_of(Random& random, const SqlType& type, size_t rows) {
  Column column(type);
  for (size_t row = 0; row < rows; ++row) column.append_value(random_value(random, type));
  return std::make_shared<const Column>(std::move(column));
}

// The seed decides which parts the rows have. With an odd seed they are changes of a table; with a
// multiple of three, keys are equal to the key column; with a multiple of five, rows have headers;
// with a multiple of four, they have offsets and times by which they are merged; with a multiple of
// eight, these times differ from the timestamps.
Rows random_rows(uint64_t seed) {
  Random random(seed);
  Rows made;
  const size_t rows = 1 + random.next() % 30;
  const size_t key_count = seed % 3 == 0 ? 1 : random.next() % 3;
  for (size_t i = 0; i < key_count + random.next() % 4; ++i) {
    (i < key_count ? made.columns.keys : made.columns.values).push_back(static_cast<int>(i));
    made.types.push_back(seed % 3 == 0 && i == 0 ? SqlType(TypeKind::String)
                                                 : random_type(random, 2));
  }
  Batch& batch = made.batch;
  batch.rows = rows;
  batch.present = Bitmap(rows, true);
  for (const SqlType& type : made.types) batch.columns.push_back(column_of(random, type, rows));
  for (size_t row = 0; row < rows; ++row) {
    batch.timestamps.push_back(static_cast<int64_t>(1'000 + random.next() % 100'000));
    if (seed % 5 == 0) batch.raw_headers.push_back(std::string(random.next() % 9, 'h'));
  }
  if (seed % 2 == 1) {
    for (const SqlType& type : made.types)
      batch.old_columns.push_back(column_of(random, type, rows));
    for (size_t row = 0; row < rows; ++row) {
      batch.old_present.push_back(random.next() % 2 == 0);
      if (random.next() % 4 == 0) batch.present.clear(row);
    }
  }
  made.keys.resize(0);
  for (size_t row = 0; row < rows; ++row)
    seed % 3 == 0 && batch.columns[0]->is_null(row) ? made.keys.append_null()
    : seed % 3 == 0 ? made.keys.append_copy(batch.columns[0]->data<std::string_view>()[row])
                    : made.keys.append_copy(std::to_string(random.next()));
  if (seed % 4 == 0) made.order_times = batch.timestamps;
  for (size_t row = 0; row < rows; ++row)
    batch.offsets.push_back(static_cast<int64_t>(5 + row * seed));
  if (seed % 8 == 0)
    for (int64_t& time : made.order_times) time += static_cast<int64_t>(random.next() % 3);
  made.all.resize(rows);
  std::iota(made.all.begin(), made.all.end(), 0U);
  return made;
}

TEST(ExchangeBlock, rows_come_back_one_block_after_the_other) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Rows rows = random_rows(seed);
    const bool is_table = rows.batch.has_old();
    const std::string bytes = rows.encoded();
    ASSERT_EQ(rows_of_exchange_block(bytes), rows.batch.rows);
    ExchangeRows back = rows.empty(is_table);
    for (int block = 0; block < 2; ++block) {
      const Status decoded = decode_exchange_block(bytes, rows.columns, back);
      ASSERT_TRUE(decoded) << "seed " << seed << ": " << decoded.error().message;
    }
    ASSERT_EQ(back.size(), 2 * rows.batch.rows);
    for (size_t at = 0; at < back.size(); ++at) {
      const size_t row = at % rows.batch.rows;
      ASSERT_EQ(back.timestamps[at], rows.batch.timestamps[row]);
      ASSERT_EQ(back.merge.source_offsets.empty(), seed % 4 != 0);
      if (seed % 4 == 0) {
        ASSERT_EQ(back.merge.source_offsets[at], rows.batch.offsets[row]);
      }
      if (seed % 8 == 0 && !back.merge.order_times.empty()) {
        ASSERT_EQ(back.merge.order_times[at], rows.order_times[row]);
      }
      ASSERT_EQ(back.present.test(at), rows.batch.present.test(row));
      ASSERT_TRUE(back.keys.same(at, rows.keys, row)) << "seed " << seed;
      if (!rows.batch.raw_headers.empty()) {
        ASSERT_EQ(back.raw_headers[at], rows.batch.raw_headers[row]);
      }
      for (size_t i = 0; i < rows.types.size(); ++i)
        ASSERT_TRUE(back.columns[i].same(at, *rows.batch.columns[i], row)) << "seed " << seed;
      if (!is_table) continue;
      ASSERT_EQ(back.old_present.test(at), rows.batch.old_present.test(row));
      for (const int value : rows.columns.values) {
        const auto i = static_cast<size_t>(value);
        ASSERT_TRUE(back.old_columns[i].same(at, *rows.batch.old_columns[i], row));
      }
    }
  }
}

TEST(ExchangeBlock, times_to_merge_by_are_written_where_they_are_not_the_timestamps) {
  Rows rows = random_rows(2);
  const size_t count = rows.batch.rows;
  rows.order_times = rows.batch.timestamps;
  const std::string same = rows.encoded();
  for (int64_t& time : rows.order_times) ++time;
  const std::string others = rows.encoded();
  EXPECT_LT(same.size(), others.size());
  ExchangeRows back = rows.empty(false);
  ASSERT_TRUE(decode_exchange_block(same, rows.columns, back));
  EXPECT_TRUE(back.merge.order_times.empty());
  ASSERT_TRUE(decode_exchange_block(others, rows.columns, back));
  ASSERT_TRUE(decode_exchange_block(same, rows.columns, back));
  ASSERT_EQ(back.merge.order_times.size(), 3 * count);
  for (size_t at = 0; at < back.size(); ++at)
    EXPECT_EQ(back.merge.order_times[at], back.timestamps[at] + (at / count == 1 ? 1 : 0));
}

TEST(ExchangeBlock, a_text_key_is_written_once) {
  Rows rows;
  rows.types = {TypeKind::String, TypeKind::Integer};
  rows.columns = {{0}, {1}};
  Column city(TypeKind::String), amount(TypeKind::Integer);
  for (const std::string_view name : {"Lahore", "Quetta"}) {
    city.append(name);
    amount.append(int32_t{7});
    rows.keys.append(name);
  }
  rows.batch.rows = 2;
  rows.batch.timestamps = {500, 600};
  rows.batch.present = Bitmap(2, true);
  rows.batch.columns = {std::make_shared<const Column>(std::move(city)),
                        std::make_shared<const Column>(std::move(amount))};
  rows.all = {0, 1};
  // The example of docs/formats/exchange.md.
  EXPECT_EQ(rows.encoded(), std::string("\x10\x02\x08"
                                        "\xe8\x07\x01\x00\x64"
                                        "\x00\x0c\x01\x00\x00LahoreQuetta"
                                        "\x00\x0e\x01\x00\x00",
                                        30));
}

TEST(ExchangeBlock, damage_is_an_error) {
  Random random(3);
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    const Rows rows = random_rows(seed);
    const std::string bytes = rows.encoded();
    const auto decoded = [&](std::string_view damaged) {
      ExchangeRows back = rows.empty(rows.batch.has_old());
      return decode_exchange_block(damaged, rows.columns, back);
    };
    for (size_t size = 0; size < bytes.size(); ++size)
      ASSERT_FALSE(decoded(std::string_view(bytes).substr(0, size))) << "seed " << seed;
    EXPECT_EQ(decoded(bytes + "x").error().code, ErrorCode::CorruptRecord);
    std::string damaged = bytes;
    for (int round = 0; round < 20; ++round) {  // any result is allowed, but not a crash
      damaged[random.next() % damaged.size()] = static_cast<char>(random.next());
      (void)decoded(damaged);
    }
  }
}

TEST(ExchangeBlock, rows_in_the_earlier_form_are_no_blocks) {
  for (const char flags : {'\0', '\1', '\2', '\3'})
    EXPECT_EQ(rows_of_exchange_block(std::string(1, flags) + "abcdefgh"), size_t{0});
  EXPECT_FALSE(rows_of_exchange_block(""));
  EXPECT_FALSE(rows_of_exchange_block("\x11 of a later version"));
}

}  // namespace
}  // namespace engine
