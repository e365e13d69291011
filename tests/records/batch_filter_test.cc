// Tests the batch that compaction writes: the same batch without some of its records.
#include "records/batch_filter.h"

#include <gtest/gtest.h>

#include "records/batch_builder.h"

namespace records {
namespace {

struct Kept {
  int32_t offset_delta;
  int64_t timestamp;
  std::string key, value;
  bool has_value;
  std::string headers;
  bool operator==(const Kept&) const = default;
};

std::vector<Kept> records_in(std::string_view bytes) {
  const BatchView batch = parse_batch(bytes, BatchCheck::ShapeAndCrc).value();
  std::string scratch;
  auto reader = RecordReader::open(batch, scratch).value();
  std::vector<Kept> all;
  for (RecordView record; reader.next(record);)
    all.push_back({record.offset_delta, record.timestamp, std::string(record.key.value_or("-")),
                   std::string(record.value.value_or("")), record.value.has_value(),
                   std::string(record.raw_headers)});
  EXPECT_TRUE(reader.status());
  return all;
}

std::string batch_of_four(Codec codec) {
  BatchBuilder builder;
  const RecordHeader header{"h", "1"};
  builder.append(1'000, "a", "one", {&header, 1});
  builder.append(900, "b", std::string(2'000, 'x'));
  builder.append(5'000, "c", std::nullopt);
  builder.append(1'001, std::nullopt, "four");
  std::string batch = builder.finish(codec, {ProducerId{7}, 3, 40});
  set_base_offset(batch.data(), Offset{100});
  set_leader_epoch(batch.data(), LeaderEpoch{5});
  return batch;
}

std::string filtered(const std::string& bytes, const std::vector<bool>& keeps,
                     std::optional<int64_t> horizon_ms = std::nullopt) {
  std::string scratch;
  return filter_batch(parse_batch(bytes, BatchCheck::Shape).value(), keeps, horizon_ms, scratch)
      .value();
}

TEST(BatchFilter, kept_records_are_unchanged_with_every_codec) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd}) {
    const std::string batch = batch_of_four(codec);
    const auto before = records_in(batch);
    const std::string after = filtered(batch, {false, true, false, true});
    EXPECT_EQ(records_in(after), (std::vector<Kept>{before[1], before[3]}));
    const BatchHeader header = parse_batch(after, BatchCheck::ShapeAndCrc)->header;
    EXPECT_EQ(header.size_bytes, after.size());
    EXPECT_EQ(header.base_offset, Offset{100});
    EXPECT_EQ(header.last_offset(), Offset{103});
    EXPECT_EQ(header.leader_epoch, LeaderEpoch{5});
    EXPECT_EQ(header.codec(), codec);
    EXPECT_EQ(header.producer_id, ProducerId{7});
    EXPECT_EQ(header.producer_epoch, 3);
    EXPECT_EQ(header.base_sequence, 40);
    EXPECT_EQ(header.record_count, 2);
    EXPECT_EQ(header.max_timestamp, 1'001);
    EXPECT_FALSE(has_delete_horizon(header));
    EXPECT_TRUE(check_filtered_records(*parse_batch(after, BatchCheck::Shape)));
  }
}

TEST(BatchFilter, a_delete_horizon_changes_no_timestamp) {
  const std::string batch = batch_of_four(Codec::Lz4);
  const std::string marked = filtered(batch, {true, true, true, true}, 1'700'000'000'000);
  EXPECT_EQ(records_in(marked), records_in(batch));
  const BatchHeader header = parse_batch(marked, BatchCheck::ShapeAndCrc)->header;
  EXPECT_TRUE(has_delete_horizon(header));
  EXPECT_EQ(header.base_timestamp, 1'700'000'000'000);
  EXPECT_EQ(header.max_timestamp, 5'000);
  // The delete horizon remains when further records are removed later.
  const std::string again = filtered(marked, {false, false, true, false});
  EXPECT_EQ(parse_batch(again, BatchCheck::Shape)->header.base_timestamp, 1'700'000'000'000);
  EXPECT_EQ(records_in(again), (std::vector<Kept>{records_in(batch)[2]}));
}

TEST(BatchFilter, the_time_of_the_append_stays_that_of_all) {
  std::string batch = batch_of_four(Codec::None);
  set_log_append_time(batch, 77'000);
  const std::string after = filtered(batch, {false, true, true, false}, 5);
  for (const Kept& record : records_in(after)) EXPECT_EQ(record.timestamp, 77'000);
}

TEST(BatchFilter, an_emptied_batch_keeps_its_offsets_and_its_producer) {
  for (const Codec codec : {Codec::None, Codec::Zstd}) {
    BatchBuilder builder;
    for (int i = 0; i < 3; ++i) builder.append(1000 + i, "k", "v" + std::to_string(i));
    std::string bytes = builder.finish(codec, {ProducerId{9}, 0, 17});
    set_base_offset(bytes.data(), Offset{40});
    set_leader_epoch(bytes.data(), LeaderEpoch{6});
    const std::string emptied = emptied_batch(*parse_batch(bytes, BatchCheck::ShapeAndCrc));
    EXPECT_EQ(emptied.size(), kBatchHeaderSize);
    const auto batch = parse_batch(emptied, BatchCheck::ShapeAndCrc);
    ASSERT_TRUE(batch) << batch.error().message;
    EXPECT_EQ(batch->header.base_offset, Offset{40});
    EXPECT_EQ(batch->header.last_offset(), Offset{42});
    EXPECT_EQ(batch->header.leader_epoch, LeaderEpoch{6});
    EXPECT_EQ(batch->header.producer_id, ProducerId{9});
    EXPECT_EQ(batch->header.base_sequence, 17);
    EXPECT_EQ(batch->header.record_count, 0);
    EXPECT_TRUE(check_filtered_records(*batch));
    EXPECT_EQ(emptied_batch(*batch), emptied);
  }
}

TEST(BatchFilter, offsets_that_do_not_grow_are_found) {
  BatchBuilder builder;
  builder.append(1, "a", "1");
  builder.append(1, "b", "2");
  std::string batch = builder.finish();
  EXPECT_TRUE(check_filtered_records(*parse_batch(batch, BatchCheck::Shape)));
  // The second record begins with length, attributes and timestamp; the next byte is its offset
  // delta.
  const size_t delta = batch.size() - 6;
  ASSERT_EQ(batch[delta], 2);
  batch[delta] = 0;
  EXPECT_FALSE(check_filtered_records(*parse_batch(batch, BatchCheck::Shape)));
}

}  // namespace
}  // namespace records
