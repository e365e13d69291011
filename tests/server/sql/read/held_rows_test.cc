#include "server/sql/read/held_rows.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "server/sql/write/row_buffer.h"

namespace server {
namespace {

using engine::Column;
using engine::ColumnPtr;
using engine::TypeKind;

struct HeldRowsTest : testing::Test {
  HeldRowsTest() {
    auto source = std::make_shared<engine::DataSource>();
    source->name = "T";
    source->kind = engine::SourceKind::Table;
    source->schema.columns = {{"ID", TypeKind::Integer, engine::ColumnRole::Key},
                              {"V", TypeKind::Integer}};
    source->key_format.name = "KAFKA";
    source->value_format.name = "JSON";
    table = source;
    buffer = RowBuffer::make(source, Uuid(), 4, EventTimes::Checked).value();
  }
  static ColumnPtr integers(const std::vector<int32_t>& values) {
    auto column = std::make_shared<Column>(TypeKind::Integer);
    for (const int32_t value : values) column->append(value);
    return column;
  }
  void put(const std::vector<int32_t>& ids, const std::vector<int32_t>& values) {
    std::vector<ColumnPtr> columns{integers(ids), integers(values)};
    ASSERT_TRUE(buffer->add(columns, ids.size(), std::vector<int64_t>(ids.size(), 77)));
  }
  void remove(const std::vector<int32_t>& ids) {
    const std::vector<ColumnPtr> columns{integers(ids), nullptr};
    ASSERT_TRUE(buffer->remove(columns, ids.size(), std::vector<int64_t>(ids.size(), 77)));
  }
  std::map<int32_t, int32_t> over(const std::map<int32_t, int32_t>& committed) {
    std::vector<int32_t> ids, values;
    for (const auto& [id, value] : committed) {
      ids.push_back(id);
      values.push_back(value);
    }
    const auto numbers = engine::constant_column(TypeKind::Bigint, engine::Value(), ids.size());
    engine::RowsChunks rows{
        {ids.size(),
         {integers(ids), integers(values), numbers,
          engine::constant_column(TypeKind::Integer, engine::Value(), ids.size()), numbers}}};
    const HeldBatches held = buffer->batches();
    EXPECT_TRUE(lay_over(held, *table, nullptr, rows));
    std::map<int32_t, int32_t> seen;
    for (const engine::RowsChunk& chunk : rows)
      for (size_t row = 0; row < chunk.rows; ++row) {
        EXPECT_EQ(chunk.columns.size(), 5u);
        EXPECT_TRUE(seen.emplace(chunk.columns[0]->value_at(row).as_int32(),
                                 chunk.columns[1]->value_at(row).as_int32())
                        .second);
      }
    return seen;
  }

  std::shared_ptr<const engine::DataSource> table;
  std::unique_ptr<RowBuffer> buffer;
};

TEST_F(HeldRowsTest, the_last_record_of_a_key_counts) {
  put({1, 2}, {10, 20});
  remove({2});
  put({3, 3}, {30, 31});
  put({1}, {11});
  EXPECT_EQ(over({{1, 1}, {2, 2}, {4, 4}}), (std::map<int32_t, int32_t>{{1, 11}, {3, 31}, {4, 4}}));
}

TEST_F(HeldRowsTest, held_rows_are_still_appended) {
  put({1}, {10});
  over({});
  put({2}, {20});
  EXPECT_EQ(over({}), (std::map<int32_t, int32_t>{{1, 10}, {2, 20}}));
  storage::AppendRequest request;
  buffer->take(request);
  size_t bytes = 0;
  for (const auto& part : request.parts) bytes += part.batches.size();
  EXPECT_GT(bytes, 0u);
}

}  // namespace
}  // namespace server
