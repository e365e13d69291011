#include "server/sql/serial/row_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

#include "server/sql/serial/serial_numbers.h"
#include "server/sql/write/row_buffer.h"

namespace server {
namespace {

using engine::Column;
using engine::ColumnPtr;
using engine::TypeKind;

std::shared_ptr<Column> nulls(TypeKind kind, size_t rows) {
  auto column = std::make_shared<Column>(kind);
  for (size_t i = 0; i < rows; ++i) column->append_null();
  return column;
}

TEST(RowIds, AreGivenOnceAndGrow) {
  std::string last;
  std::set<std::string> all;
  for (int turn = 0; turn < 3; ++turn) {
    const ColumnPtr ids = with_row_ids(*nulls(TypeKind::Bytes, 1000), 1000);
    for (const std::string_view id : ids->data<std::string_view>()) {
      EXPECT_EQ(id.size(), 16U);
      EXPECT_LT(last, id);
      last = id;
      all.insert(last);
    }
  }
  EXPECT_EQ(all.size(), 3000U);
}

TEST(RowIds, StayWhereTheyAre) {
  auto given = nulls(TypeKind::Bytes, 1);
  given->append_copy("mine");
  const ColumnPtr ids = with_row_ids(*given, 2);
  EXPECT_NE(ids->data<std::string_view>()[0], "mine");
  EXPECT_EQ(ids->data<std::string_view>()[1], "mine");
}

class KeylessRows : public testing::Test {
 protected:
  KeylessRows() {
    auto source = std::make_shared<engine::DataSource>();
    source->name = "LOG";
    source->kind = engine::SourceKind::Table;
    source->schema.columns = {
        {std::string(engine::kRowId), TypeKind::Bytes, engine::ColumnRole::Key},
        {"N", TypeKind::Integer}};
    source->schema.columns[1].is_not_null = true;
    source->key_format.name = "KAFKA";
    source->value_format.name = "JSON";
    buffer_ = RowBuffer::make(source, {}, 1, EventTimes::Checked).value();
  }
  std::unique_ptr<RowBuffer> buffer_;
};

TEST_F(KeylessRows, NeedNoKeyAndNoNulls) {
  auto numbers = std::make_shared<Column>(TypeKind::Integer);
  numbers->append(int32_t{1});
  numbers->append(int32_t{1});
  const std::vector<int64_t> now(2, 77);
  std::vector<ColumnPtr> columns{nulls(TypeKind::Bytes, 2), numbers};
  EXPECT_TRUE(buffer_->add(columns, 2, now));
  EXPECT_EQ(buffer_->rows(), 2U);
  columns = {nulls(TypeKind::Bytes, 1), nulls(TypeKind::Integer, 1)};
  const Status refused =
      buffer_->add(columns, 1, std::vector<int64_t>(1, 77), std::vector<uint64_t>{4});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::NullValue);
  EXPECT_EQ(refused.error().context, "COPY LOG, line 4");
  EXPECT_EQ(buffer_->rows(), 2U);
}

TEST(SerialNumbers, BeginOnceAndGoOn) {
  SerialNumbers numbers;
  const SerialNumbers::Column column{Uuid(), 0};
  EXPECT_FALSE(numbers.take(column, 1));
  numbers.begin(column, 7);
  numbers.begin(column, 1);
  EXPECT_EQ(numbers.take(column, 2), 7);
  EXPECT_EQ(numbers.take(column, 1), 9);
  EXPECT_FALSE(numbers.knows({Uuid(), 1}));
}

}  // namespace
}  // namespace server
