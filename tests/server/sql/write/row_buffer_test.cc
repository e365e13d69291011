#include "server/sql/write/row_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"
#include "records/batch.h"
#include "records/partitioner.h"

namespace server {
namespace {

using engine::Column;
using engine::ColumnPtr;
using engine::TypeKind;

class RowBufferTest : public testing::Test {
 protected:
  explicit RowBufferTest(engine::SourceKind kind = engine::SourceKind::Stream) {
    auto source = std::make_shared<engine::DataSource>();
    source->name = "ORDERS";
    source->kind = kind;
    source->schema.columns = {{"ID", TypeKind::String, engine::ColumnRole::Key},
                              {"AMOUNT", TypeKind::Integer}};
    source->key_format.name = "KAFKA";
    source->value_format.name = "JSON";
    source_ = source;
    topic_.bytes[0] = 9;
    buffer_ = RowBuffer::make(source_, topic_, 4, EventTimes::Checked).value();
  }

  Status add(const std::vector<std::optional<std::string>>& ids, int32_t amount = 1,
             std::span<const uint64_t> lines = {}) {
    auto id = std::make_shared<Column>(TypeKind::String),
         amounts = std::make_shared<Column>(TypeKind::Integer);
    for (const auto& text : ids) {
      text ? id->append_copy(*text) : id->append_null();
      amounts->append(amount);
    }
    std::vector<ColumnPtr> columns{id, amounts};
    return buffer_->add(columns, ids.size(), std::vector<int64_t>(ids.size(), 77), lines);
  }

  // Returns the rows of each partition as texts "key value @time".
  std::map<int32_t, std::vector<std::string>> take() {
    storage::AppendRequest request;
    buffer_->take(request);
    std::map<int32_t, std::vector<std::string>> taken;
    for (const storage::PartitionBatches& part : request.parts) {
      EXPECT_EQ(part.partition.topic, topic_);
      EXPECT_TRUE(storage::check_for_append(part.batches));
      std::string_view left = part.batches;
      while (!left.empty()) {
        const auto batch = records::parse_batch(left, records::BatchCheck::ShapeAndCrc);
        EXPECT_TRUE(batch) << batch.error().message;
        if (!batch) break;
        ++batches_;
        std::string scratch;
        auto reader = records::RecordReader::open(*batch, scratch);
        for (records::RecordView record; reader->next(record);)
          taken[part.partition.partition.value()].push_back(
              std::string(record.key.value_or("-")) + " " +
              std::string(record.value.value_or("-")) + " @" + std::to_string(record.timestamp));
        left.remove_prefix(batch->bytes.size());
      }
    }
    return taken;
  }

  std::shared_ptr<const engine::DataSource> source_;
  Uuid topic_;
  std::unique_ptr<RowBuffer> buffer_;
  int batches_ = 0;
};

TEST_F(RowBufferTest, a_key_decides_the_partition) {
  ASSERT_TRUE(add({"a", "b", "a"}));
  EXPECT_EQ(buffer_->rows(), 3u);
  const auto taken = take();
  const int32_t of_a = records::partition_for_key("a", 4).value();
  const std::vector<std::string>& rows = taken.at(of_a);
  EXPECT_EQ(std::ranges::count(rows, "a {\"AMOUNT\":1} @77"), 2);
  EXPECT_EQ(buffer_->rows(), 0u);
  EXPECT_EQ(buffer_->size_bytes(), 0u);
  EXPECT_TRUE(take().empty());
}

TEST_F(RowBufferTest, rows_without_a_key_go_around) {
  ASSERT_TRUE(add({std::nullopt, std::nullopt, std::nullopt, std::nullopt}));
  const auto taken = take();
  EXPECT_EQ(taken.size(), 4u);
}

TEST_F(RowBufferTest, much_becomes_several_batches) {
  const std::string key(1000, 'k');
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(add(std::vector<std::optional<std::string>>(100, key)));
  const auto taken = take();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken.begin()->second.size(), 500u);
  EXPECT_GT(batches_, 4);
}

// Since the first statement of the transaction, the topic has got more partitions, or was dropped
// and created again.
TEST_F(RowBufferTest, the_rows_of_a_transaction_stay_together_while_the_topic_changes) {
  ASSERT_TRUE(add({"a"}));
  std::unique_ptr<RowBuffer> first = std::move(buffer_);
  buffer_ = RowBuffer::make(source_, topic_, 16, EventTimes::Checked).value();
  std::vector<std::optional<std::string>> ids;
  for (int i = 0; i < 100; ++i) ids.emplace_back(std::to_string(i));
  ASSERT_TRUE(add(ids));
  ASSERT_TRUE(first->absorb(*buffer_));
  buffer_ = std::move(first);
  EXPECT_EQ(buffer_->rows(), 101u);
  size_t rows = 0;
  for (const auto& [partition, taken] : take()) rows += taken.size();
  EXPECT_EQ(rows, 101u);

  Uuid other = topic_;
  other.bytes[0] = 10;
  ASSERT_TRUE(add({"a"}));
  const auto replaced = RowBuffer::make(source_, other, 4, EventTimes::Checked).value();
  EXPECT_EQ(buffer_->absorb(*replaced).error().code, ErrorCode::ObjectState);
  EXPECT_EQ(buffer_->rows(), 1u);
}

class TableRowBuffer : public RowBufferTest {
 protected:
  TableRowBuffer() : RowBufferTest(engine::SourceKind::Table) {}
};

TEST_F(TableRowBuffer, a_row_without_a_primary_key_refuses_them_all) {
  const std::vector<uint64_t> lines{7, 8};
  const Status refused = add({"a", std::nullopt}, 1, lines);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot write a row of ORDERS: the primary key of a table cannot be NULL");
  EXPECT_EQ(refused.error().context, "COPY ORDERS, line 8");
  EXPECT_TRUE(take().empty());
}

}  // namespace
}  // namespace server
