#include "records/batch.h"

#include <array>

#include "records/batch_builder.h"

namespace records {
namespace {

struct Row {
  int64_t timestamp;
  std::optional<std::string> key, value;
};

std::string build(const std::vector<Row>& rows, Codec codec = Codec::None) {
  BatchBuilder builder;
  for (const Row& row : rows) builder.append(row.timestamp, row.key, row.value);
  return builder.finish(codec);
}

const std::vector<Row> kRows = {
    {1000, "alice", "home"}, {1700, std::nullopt, "cart"}, {900, "bob", std::nullopt}};

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

// The expected bytes were written by hand from the description of the format, so that builder and
// parser cannot share an error.
TEST(Batch, a_small_batch_has_exactly_these_bytes) {
  const std::string built = build({{5, "k", "v"}});
  const std::string expected = from_hex(
                                   "0000000000000000"
                                   "0000003a"
                                   "ffffffff"
                                   "02") +
                               built.substr(17, 4) +
                               from_hex(
                                   "0000"
                                   "00000000"
                                   "0000000000000005"
                                   "0000000000000005"
                                   "ffffffffffffffff"
                                   "ffff"
                                   "ffffffff"
                                   "00000001"
                                   "10"
                                   "00"
                                   "00"
                                   "00"
                                   "02"
                                   "6b"
                                   "02"
                                   "76"
                                   "00");
  EXPECT_EQ(built, expected);
}

TEST(Batch, records_come_back_as_they_went_in) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd}) {
    const std::string bytes = build(kRows, codec);
    const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
    ASSERT_TRUE(batch);
    EXPECT_EQ(batch->header.record_count, 3);
    EXPECT_EQ(batch->header.codec(), codec);
    EXPECT_EQ(batch->header.base_timestamp, 1000);
    EXPECT_EQ(batch->header.max_timestamp, 1700);
    EXPECT_TRUE(check_records(*batch));

    std::string scratch;
    auto reader = RecordReader::open(*batch, scratch);
    ASSERT_TRUE(reader);
    int32_t index = 0;
    for (RecordView record; reader->next(record); ++index) {
      const Row& row = kRows[static_cast<size_t>(index)];
      EXPECT_EQ(record.offset_delta, index);
      EXPECT_EQ(record.timestamp, row.timestamp);
      EXPECT_EQ(record.key.has_value(), row.key.has_value());
      EXPECT_EQ(record.key.value_or(""), row.key.value_or(""));
      EXPECT_EQ(record.value.has_value(), row.value.has_value());
      EXPECT_EQ(record.value.value_or(""), row.value.value_or(""));
    }
    EXPECT_TRUE(reader->status());
    EXPECT_EQ(index, 3);
  }
}

// Tests values of the sizes at which the builder changes its method.
TEST(Batch, large_values_come_back_as_they_went_in) {
  BatchBuilder builder;
  for (int round = 0; round < 2; ++round) {
    const std::string large(2'000'000, static_cast<char>('a' + round));
    const RecordHeader header{"h", "v"};
    builder.append(1'000, "small", "value");
    builder.append(1'001, "large", large, std::span(&header, 1));
    builder.append_joined(1'002, "joined", "begin ", large);
    builder.append_joined(1'003, "joined", "a", "b");
    builder.append(1'004, large, std::nullopt);
    const std::string bytes = builder.finish();
    const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
    ASSERT_TRUE(batch) << batch.error().message;
    auto reader = RecordReader::over(batch->header, batch->payload()).value();
    std::vector<std::pair<std::string, std::optional<std::string>>> found;
    for (RecordView record; reader.next(record);) found.emplace_back(*record.key, record.value);
    EXPECT_EQ(found.size(), 5u);
    EXPECT_TRUE(found == (decltype(found){{"small", "value"},
                                          {"large", large},
                                          {"joined", "begin " + large},
                                          {"joined", "ab"},
                                          {large, std::nullopt}}));
    EXPECT_TRUE(builder.empty());
  }
}

TEST(Batch, record_headers_are_read_when_asked_for) {
  BatchBuilder builder;
  const std::array<RecordHeader, 2> headers = {RecordHeader{"trace", "42"},
                                               RecordHeader{"empty", std::nullopt}};
  builder.append(1, "k", "v", headers);
  const std::string bytes = builder.finish();
  const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  ASSERT_TRUE(check_records(*batch));
  std::string scratch;
  auto reader = RecordReader::open(*batch, scratch);
  ASSERT_TRUE(reader);
  RecordView record;
  ASSERT_TRUE(reader->next(record));
  HeaderReader walk = record.headers();
  const auto first = walk.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->key, "trace");
  EXPECT_EQ(first->value, "42");
  const auto second = walk.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->key, "empty");
  EXPECT_FALSE(second->value);
  EXPECT_FALSE(walk.next());
}

TEST(Batch, a_broker_sets_the_offset_and_the_epoch_without_a_new_checksum) {
  BatchBuilder builder;
  builder.append(1, "k", "v");
  std::string bytes = builder.finish(Codec::None, {ProducerId{77}, 3, 12});
  set_base_offset(bytes.data(), Offset{4711});
  set_leader_epoch(bytes.data(), LeaderEpoch{5});
  const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->header.base_offset, Offset{4711});
  EXPECT_EQ(batch->header.leader_epoch, LeaderEpoch{5});
  EXPECT_EQ(batch->header.producer_id, ProducerId{77});
  EXPECT_EQ(batch->header.producer_epoch, 3);
  EXPECT_EQ(batch->header.base_sequence, 12);
}

TEST(Batch, a_producer_is_stamped_with_a_new_checksum) {
  std::string bytes = build(kRows);
  set_producer(bytes, {ProducerId{7}, 2, 30});
  const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->header.producer_id, ProducerId{7});
  EXPECT_EQ(batch->header.producer_epoch, 2);
  EXPECT_EQ(batch->header.base_sequence, 30);
}

TEST(Batch, the_time_of_the_append_replaces_the_times_of_all_records) {
  std::string bytes = build(kRows);
  set_log_append_time(bytes, 77);
  const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  EXPECT_TRUE(batch->header.has_log_append_time());
  std::string scratch;
  auto reader = RecordReader::open(*batch, scratch);
  ASSERT_TRUE(reader);
  size_t seen = 0;
  for (RecordView record; reader->next(record); ++seen) EXPECT_EQ(record.timestamp, 77);
  EXPECT_EQ(seen, kRows.size());
}

TEST(Batch, the_first_of_several_is_parsed_and_the_rest_left) {
  const std::string first = build(kRows), second = build({{1, "k", "v"}});
  const auto batch = parse_batch(first + second, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->header.size_bytes, first.size());
}

TEST(Batch, a_reused_builder_starts_afresh) {
  BatchBuilder builder;
  builder.append(100, "a", "1");
  builder.append(200, "b", "2");
  const std::string first = builder.finish();
  EXPECT_TRUE(builder.empty());
  builder.append(5, "k", "v");
  EXPECT_EQ(builder.finish(), build({{5, "k", "v"}}));
}

TEST(Batch, a_record_that_is_a_block_takes_an_offset_for_each_of_its_rows) {
  BatchBuilder builder;
  builder.append_block(100, "three rows", 3);
  builder.append_block(90, "two rows", 2);
  EXPECT_EQ(builder.offset_count(), 5);
  const std::string bytes = builder.finish();
  EXPECT_EQ(builder.offset_count(), 0);
  const auto batch = parse_batch(bytes, BatchCheck::ShapeAndCrc);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->header.record_count, 2);
  EXPECT_EQ(batch->header.last_offset_delta, 4);
  std::string scratch;
  auto reader = RecordReader::open(*batch, scratch);
  ASSERT_TRUE(reader);
  RecordView record;
  ASSERT_TRUE(reader->next(record));
  EXPECT_EQ(record.offset_delta, 0);
  EXPECT_EQ(record.value, "three rows");
  ASSERT_TRUE(reader->next(record));
  EXPECT_EQ(record.offset_delta, 3);
  EXPECT_FALSE(record.key);
  EXPECT_FALSE(check_records(*batch));  // each record of a client has one offset
  EXPECT_TRUE(check_records(*batch, kMaxRecordsSize, RecordOffsets::Several));
}

TEST(Batch, every_cut_is_refused) {
  const std::string bytes = build(kRows);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = parse_batch(std::string_view(bytes).substr(0, size), BatchCheck::Shape);
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, ErrorCode::CorruptRecord);
  }
}

TEST(Batch, every_flipped_bit_is_noticed_by_the_checksum_or_harmless) {
  const std::string bytes = build(kRows);
  for (size_t bit = 16 * 8; bit < bytes.size() * 8;
       // the offset, the length and the epoch precede these bytes and are not covered by the
       // checksum
       ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(parse_batch(damaged, BatchCheck::ShapeAndCrc)) << bit;
  }
}

// For any bytes after the header, iteration over the records ends without a crash.
TEST(Batch, lying_records_end_in_an_error) {
  for (const Codec codec : {Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd}) {
    const std::string bytes = build(kRows, codec);
    for (size_t at = 21; at < bytes.size(); ++at) {
      for (const int value : {0x00, 0x7f, 0x80, 0xff}) {
        std::string lying = bytes;
        lying[at] = static_cast<char>(value);
        const auto batch = parse_batch(lying, BatchCheck::Shape);
        if (!batch) continue;
        const auto checked = check_records(*batch, 1 << 20);
        if (!checked) {
          EXPECT_TRUE(checked.error().code == ErrorCode::CorruptRecord ||
                      checked.error().code == ErrorCode::RecordTooLarge);
        }
      }
    }
  }
}

TEST(Batch, counts_that_contradict_the_records_are_refused) {
  const std::string bytes = build(kRows);
  std::string more = bytes, fewer = bytes, huge = bytes;
  store_be<int32_t>(more.data() + 57, 4);
  store_be<int32_t>(more.data() + 23, 3);
  store_be<int32_t>(fewer.data() + 57, 2);
  store_be<int32_t>(fewer.data() + 23, 1);
  store_be<int32_t>(huge.data() + 57, INT32_MAX);
  store_be<int32_t>(huge.data() + 23, INT32_MAX);
  for (const std::string& lying : {more, fewer, huge}) {
    const auto batch = parse_batch(lying, BatchCheck::Shape);
    ASSERT_TRUE(batch);
    EXPECT_FALSE(check_records(*batch));
  }
  std::string negative = bytes;
  store_be<int32_t>(negative.data() + 57, -1);
  EXPECT_FALSE(parse_batch(negative, BatchCheck::Shape));
  store_be<int32_t>((negative = bytes).data() + 57, INT32_MIN);
  EXPECT_FALSE(parse_batch(negative, BatchCheck::Shape));
}

TEST(Batch, a_last_offset_beyond_the_records_is_refused) {
  std::string bytes = build(kRows);
  for (const int32_t delta : {3, 1000, INT32_MAX}) {
    store_be<int32_t>(bytes.data() + 23, delta);
    const auto batch = parse_batch(bytes, BatchCheck::Shape);
    ASSERT_TRUE(batch) << "compaction leaves such batches";
    EXPECT_FALSE(check_records(*batch)) << delta;
  }
}

TEST(Batch, another_version_is_refused) {
  std::string bytes = build(kRows);
  bytes[16] = 1;
  const auto old = parse_batch(bytes, BatchCheck::Shape);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().message, "record batch has version 1, only 2 is known");
}

}  // namespace
}  // namespace records
