#include "engine/exec/record_cursor.h"

#include <gtest/gtest.h>

#include "records/batch_builder.h"
#include "records/batch_filter.h"

namespace engine {
namespace {

std::string batch_of_three() {
  records::BatchBuilder builder;
  for (const char* key : {"a", "b", "c"}) builder.append(1, key, "value");
  std::string batch = builder.finish();
  records::set_base_offset(batch.data(), Offset(10));
  return batch;
}

LogBatch stored(const std::string& bytes) { return {bytes, Offset(10), Offset(12)}; }

TEST(RecordCursor, a_batch_is_entered_again_where_it_was_left) {
  const std::string batch = batch_of_three();
  RecordCursor cursor;
  size_t unpack_bytes = 1;
  records::RecordView record;
  auto reader = cursor.enter(stored(batch), unpack_bytes).value();
  ASSERT_TRUE(reader->next(record));
  cursor.leave(*reader);
  reader = cursor.enter(stored(batch), unpack_bytes).value();
  ASSERT_TRUE(reader->next(record));
  EXPECT_EQ(record.key, "b");
}

// Compaction changes the positions of the records in a batch, so the cursor must find its record
// again.
TEST(RecordCursor, a_batch_replaced_by_compaction_is_entered_again) {
  const std::string batch = batch_of_three();
  std::string scratch;
  const std::string cleaned =
      records::filter_batch(records::parse_batch(batch, records::BatchCheck::Shape).value(),
                            {false, false, true}, std::nullopt, scratch)
          .value();
  RecordCursor cursor;
  size_t unpack_bytes = 1;
  records::RecordView record;
  auto reader = cursor.enter(stored(batch), unpack_bytes).value();
  ASSERT_TRUE(reader->next(record));
  cursor.leave(*reader);
  reader = cursor.enter(stored(cleaned), unpack_bytes).value();
  ASSERT_TRUE(reader->next(record));
  EXPECT_EQ(record.key, "c");
  EXPECT_EQ(record.offset_delta, 2);
  EXPECT_FALSE(reader->next(record));
  EXPECT_TRUE(reader->status());
}

}  // namespace
}  // namespace engine
