// Tests retention and compaction: which records they remove and keep, and that readers notice nothing except the
// missing records.
#include "storage/log/log_cleaner.h"

#include <map>
#include <random>

#include "records/batch_filter.h"
#include "storage/kv/memory_store.h"
#include "storage/log/compaction.h"
#include "storage/log/log_core.h"
#include "storage/log/replica_log.h"
#include "storage/log/task_outputs.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

using Rows = std::map<std::string, std::string>;

class LogCleanerTest : public testing::Test, public CleanupPort {
 protected:
  LogCleanerTest() {
    open();
    EXPECT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1));
  }
  void open() {
    cleaner_.reset();
    log_.reset();
    LogOptions options;
    options.clock = &clock_;
    log_ = Log::open(disk_.open(), options).value();
    cleaner_ =
        LogCleaner::open(*log_, {.clock = &clock_, .max_key_map_bytes = key_map_bytes_}, *this)
            .value();
  }
  std::vector<CleanupTarget> targets() override { return {target_}; }
  void hold(std::span<CleanupTarget> targets) override { looks_ += targets.size(); }
  void pass_ms(int64_t ms) { clock_.advance_us(ms * 1000); }
  Offset log_start() { return log_->find_partition(partition_)->log_start(); }
  Offset log_end() { return log_->find_partition(partition_)->log_end(); }

  void append(std::string batches) {
    ASSERT_TRUE(append_and_wait(*log_, append_of(partition_, std::move(batches))));
  }
  // Appends a record; one without a value is a tombstone.
  void put(const std::string& key, const std::optional<std::string>& value,
           records::Codec codec = records::Codec::None) {
    records::BatchBuilder builder;
    builder.append(clock_.wall_ms(), key, value);
    append(builder.finish(codec));
  }

  struct Stored {
    Offset offset;
    std::string key;
    std::optional<std::string> value;
    int64_t timestamp;
  };
  std::vector<Stored> stored() {
    auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    std::vector<Stored> all;
    for (Offset next = log_start(); next < log_end();) {
      const auto batches = reader->read(partition_, next, 100'000);
      EXPECT_TRUE(batches) << batches.error().message;
      if (!batches || batches->empty()) break;
      for (const BatchRef& ref : *batches) {
        const auto batch = records::parse_batch(ref.bytes, records::BatchCheck::ShapeAndCrc);
        std::string scratch;
        auto records = records::RecordReader::open(*batch, scratch).value();
        for (records::RecordView record; records.next(record);) {
          Stored& one = all.emplace_back(Stored{ref.base_offset + record.offset_delta,
                                                std::string(record.key.value_or("-")),
                                                {},
                                                record.timestamp});
          if (record.value) one.value = std::string(*record.value);
        }
        next = ref.last_offset + 1;
      }
    }
    return all;
  }
  // Returns the rows of a table that a reader builds from the records.
  Rows table() {
    Rows rows;
    for (const Stored& record : stored())
      if (record.value)
        rows[record.key] = *record.value;
      else
        rows.erase(record.key);
    return rows;
  }
  void compact_always() {
    target_.policy = {
        .deletes = false, .compacts = true, .min_cleanable_dirty_ratio = 0, .segment_bytes = 1};
  }

  SimulatedClock clock_{1'000'000'000};
  MemoryDisk disk_;
  size_t key_map_bytes_ = 1 << 20;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogCleaner> cleaner_;
  TopicPartition partition_{Uuid::random(), PartitionId{0}};
  CleanupTarget target_{.partition = partition_, .policy = {}};
  size_t looks_ = 0;  // number of calls for partitions that may have something to clean
};

// --- Retention

TEST_F(LogCleanerTest, records_go_when_their_append_is_too_long_ago) {
  target_.policy.retention_ms = 60'000;
  append(batch_of("old", 3, 5'000'000'000));  // these timestamps are far in the future
  cleaner_->run_once();
  pass_ms(50'000);
  append(batch_of("new", 3, 1));  // these timestamps are long ago
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{0});
  pass_ms(11'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{3});
  EXPECT_EQ(read_values(*log_, partition_, log_start()).size(), 3u);
  pass_ms(60'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{6});
  EXPECT_EQ(log_end(), Offset{6});
}

TEST_F(LogCleanerTest, the_age_of_few_records_outlives_a_restart) {
  target_.policy.retention_ms = 600'000;
  append(batch_of("a"));
  cleaner_->run_once();
  pass_ms(120'000);
  cleaner_->run_once();  // stores the time by which the record had been appended
  open();
  pass_ms(400'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{0});
  pass_ms(100'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{1});
}

TEST_F(LogCleanerTest, the_configured_bytes_stay) {
  const std::string batch = batch_of(std::string(1'000, 'x'));
  target_.policy.retention_bytes = static_cast<int64_t>(10 * batch.size());
  for (int i = 0; i < 50; ++i) append(batch);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{40});
  for (int i = 0; i < 5; ++i) append(batch);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{45});
  open();
  append(batch);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{46});
  wait_until_removed(*log_);
  EXPECT_EQ(stored().size(), 10u);
}

TEST_F(LogCleanerTest, records_that_a_query_has_yet_to_read_stay_and_are_reported) {
  target_.policy.retention_ms = 1'000;
  append(batch_of("a", 10));
  append(batch_of("b", 10));
  pass_ms(5'000);
  target_.keep_from = Offset{10};
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{10});
  ASSERT_EQ(cleaner_->held_back().size(), 1u);
  EXPECT_EQ(cleaner_->held_back().front().records, 10);
  target_.keep_from = Offset{20};
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{20});
  EXPECT_TRUE(cleaner_->held_back().empty());
}

TEST_F(LogCleanerTest, a_partition_without_news_is_looked_at_seldom) {
  target_.policy.retention_ms = 3'600'000;
  append(batch_of("a"));
  for (int i = 0; i < 100; ++i) cleaner_->run_once();
  EXPECT_EQ(looks_, 1u);
  append(batch_of("a"));
  cleaner_->run_once();
  EXPECT_EQ(looks_, 2u);
  pass_ms(360'000);
  cleaner_->run_once();
  cleaner_->run_once();
  EXPECT_EQ(looks_, 3u);
  target_.policy.retention_ms = 1'000;
  // any commit, here one of the metadata
  ASSERT_TRUE(create_partitions_and_wait(*log_, Uuid::random(), 1));
  cleaner_->run_once();
  EXPECT_EQ(looks_, 4u);
}

TEST_F(LogCleanerTest, without_limits_nothing_goes) {
  append(batch_of("a", 10));
  pass_ms(int64_t{1000} * 365 * 86'400'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), Offset{0});
}

TEST_F(LogCleanerTest, the_time_index_is_removed_with_its_records) {
  target_.policy.retention_ms = 60'000;
  const auto entries = [&] {
    auto transaction = log_->store().begin_read().value();
    size_t count = 0;
    for (const TableHandle table :
         {log_->core().tables().timestamps, log_->core().tables().append_times}) {
      const auto cursor = transaction->cursor(table).value();
      for (auto entry = cursor->first().value(); entry; entry = cursor->next().value()) ++count;
    }
    return count;
  };
  for (int i = 0; i < 40; ++i) {
    pass_ms(1'000);
    std::string batches;
    for (int j = 0; j < 1'000; ++j) batches += batch_of("a", 1, clock_.wall_ms());
    append(std::move(batches));
  }
  const size_t before = entries();
  EXPECT_GE(before, 80u);
  pass_ms(40'500);  // now about half of the records are too old
  cleaner_->run_once();
  const Offset start = log_start();
  EXPECT_GT(start, Offset{15'000});
  EXPECT_LT(start, Offset{25'000});
  EXPECT_LE(entries(), 2u * (40 - static_cast<size_t>(start.value()) / 1'000) + 2);
  // The time index of the remaining records is still correct.
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(offset_for_time(*reader, partition_, 1'000'030'001).value(), Offset{30'000});
  reader->end_turn();
  pass_ms(100'000);
  cleaner_->run_once();
  EXPECT_EQ(log_start(), log_end());
  EXPECT_EQ(entries(), 0u);
  append(batch_of("a", 1, clock_.wall_ms()));
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(offset_for_time(*reader, partition_, 1'000'030'001).value(), Offset{40'000});
}

// --- Compaction

TEST_F(LogCleanerTest, the_newest_record_of_each_key_stays_where_it_was) {
  compact_always();
  for (int i = 0; i < 10; ++i)
    put("k" + std::to_string(i % 3), "v" + std::to_string(i), records::Codec::Lz4);
  put("end", "");
  const auto before = stored();
  const Rows rows = table();
  cleaner_->run_once();
  const auto after = stored();
  ASSERT_EQ(after.size(), 4u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(after[i].offset, Offset{static_cast<int64_t>(7 + i)});
    EXPECT_EQ(after[i].timestamp, before[7 + i].timestamp);
  }
  EXPECT_EQ(table(), rows);
  EXPECT_EQ(log_start(), Offset{0});
  EXPECT_EQ(log_end(), Offset{11});
}

TEST_F(LogCleanerTest, batches_lose_records_and_keep_their_offsets) {
  compact_always();
  records::BatchBuilder builder;
  for (int i = 0; i < 6; ++i) builder.append(1, i % 2 ? "a" : "b", std::to_string(i));
  append(builder.finish());
  put("a", "last");
  put("end", "");
  cleaner_->run_once();
  const auto after = stored();
  ASSERT_EQ(after.size(), 3u);
  EXPECT_EQ(after[0].offset, Offset{4});  // the offset of "b"
  EXPECT_EQ(after[1].offset, Offset{6});
  // The record at offset 1 has been removed. A read from there returns the batch that contains this offset: the batch
  // still begins at offset 0, although its only record has the offset 4.
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(reader->read(partition_, Offset{1}, 1)->front().base_offset, Offset{0});
  EXPECT_EQ(reader->read(partition_, Offset{6}, 1)->front().base_offset, Offset{6});
}

TEST_F(LogCleanerTest, a_tombstone_goes_after_its_time_and_not_before) {
  compact_always();
  target_.policy.delete_retention_ms = 10'000;
  put("a", "1");
  put("a", std::nullopt);
  put("end", "");
  pass_ms(100'000);  // the retention of a tombstone begins with its first compaction
  cleaner_->run_once();
  ASSERT_EQ(stored().size(), 2u);
  EXPECT_EQ(stored()[0].value, std::nullopt);
  EXPECT_EQ(stored()[0].timestamp, 1'000'000'000);
  pass_ms(9'000);
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(stored()[0].key, "a");
  pass_ms(2'000);
  cleaner_->run_once();  // a run without new records
  EXPECT_EQ(stored()[0].key, "end");
}

// If the tombstone were removed after delete.retention.ms, a replica that was away for longer than this would continue
// after the tombstone, and keep the records that it deletes.
TEST_F(LogCleanerTest, a_tombstone_stays_while_a_replica_has_not_got_it) {
  compact_always();
  target_.policy.delete_retention_ms = 10'000;
  target_.policy.keeps_tombstones = true;
  put("a", "1");
  put("a", std::nullopt);
  put("end", "");
  cleaner_->run_once();
  pass_ms(20'000);
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(stored()[0].key, "a");
  target_.policy.keeps_tombstones = false;
  cleaner_->run_once();  // a run without new records
  EXPECT_EQ(stored()[0].key, "end");
}

TEST_F(LogCleanerTest, records_without_a_key_go) {
  compact_always();
  records::BatchBuilder builder;
  builder.append(1, std::nullopt, "nobody's");
  append(builder.finish());
  put("a", "1");
  put("end", "");
  cleaner_->run_once();
  ASSERT_EQ(stored().size(), 2u);
  EXPECT_EQ(stored()[0].key, "a");
}

TEST_F(LogCleanerTest, compaction_waits_for_its_time_and_for_queries) {
  compact_always();
  target_.policy.min_compaction_lag_ms = 60'000;
  put("a", "1");
  put("a", "2");
  cleaner_->run_once();
  pass_ms(70'000);
  put("a", "3");
  put("end", "");
  target_.keep_from = Offset{1};
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 4u);
  target_.keep_from = log_end();
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 3u);  // "1" is gone; "2" has no newer record that is old enough
  pass_ms(200'000);
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 2u);
}

TEST_F(LogCleanerTest, little_that_is_new_waits) {
  compact_always();
  target_.policy.min_cleanable_dirty_ratio = 0.5;
  target_.policy.segment_bytes = 1 << 30;
  target_.policy.segment_ms = 600'000;
  put("a", "1");
  put("a", "2");
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 3u);
  pass_ms(700'000);
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 2u);
  // A new megabyte is enough for a round of cleaning; less than half of the stored bytes is not.
  for (int i = 0; i < 30; ++i) put("k" + std::to_string(i), std::string(100'000, 'x'));
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), log_end() - 1);
  for (int i = 0; i < 15; ++i) put("k" + std::to_string(i), std::string(100'000, 'y'));
  put("end", "");
  cleaner_->run_once();
  EXPECT_LT(log_->find_partition(partition_)->cleaned_end(), log_end() - 1);
  for (int i = 0; i < 20; ++i) put("k" + std::to_string(i), std::string(100'000, 'z'));
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), log_end() - 1);
  EXPECT_EQ(table().size(), 32u);
}

TEST_F(LogCleanerTest, a_small_map_takes_more_rounds_and_loses_nothing) {
  key_map_bytes_ = 64 << 10;  // enough for 2,400 keys
  open();
  compact_always();
  Rows rows;
  std::mt19937 random(1);
  for (int i = 0; i < 40; ++i) {
    records::BatchBuilder builder;
    for (int j = 0; j < 500; ++j) {
      const std::string key = "k" + std::to_string(random() % 6'000);
      const bool is_gone = random() % 5 == 0;
      const std::string value = std::to_string(i * 1'000 + j);
      builder.append(1, key, is_gone ? std::nullopt : std::optional<std::string_view>(value));
      if (is_gone)
        rows.erase(key);
      else
        rows[key] = value;
    }
    append(builder.finish(i % 2 ? records::Codec::Zstd : records::Codec::None));
  }
  put("end", "");
  rows["end"] = "";
  EXPECT_EQ(table(), rows);
  for (int i = 0; i < 3; ++i) {
    cleaner_->run_once();
    EXPECT_EQ(table(), rows);
  }
  EXPECT_LT(stored().size(), 6'002u);
  open();
  EXPECT_EQ(table(), rows);
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), log_end() - 1);
}

TEST_F(LogCleanerTest, producers_go_on_after_their_batches_are_gone) {
  compact_always();
  const auto batch_of_producer = [](int32_t sequence) {
    records::BatchBuilder builder;
    builder.append(1, "k", std::to_string(sequence));
    return builder.finish(records::Codec::None, {ProducerId{9}, 0, sequence});
  };
  for (int i = 0; i < 5; ++i) append(batch_of_producer(i));
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 2u);
  const auto again = append_and_wait(*log_, append_of(partition_, batch_of_producer(2)));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->front().base_offset, Offset{2});  // the batch exists, so this one is a duplicate
  append(batch_of_producer(5));
  EXPECT_EQ(append_and_wait(*log_, append_of(partition_, batch_of_producer(9))).error().code,
            ErrorCode::OutOfOrderSequence);
}

// The sequences of a task continue as long as its query exists. A replica without the task's batches would not know
// them, so the last batch is kept.
class LogCleanerTaskTest : public LogCleanerTest {
 protected:
  static constexpr ProducerId kTask{kFirstTaskProducer.value() + 5};
  static std::string written(int32_t sequence, const std::string& key) {
    records::BatchBuilder builder;
    builder.append(1, key, "of the task");
    return builder.finish(records::Codec::None, {kTask, 0, sequence});
  }
  // Returns the batches in the log.
  std::vector<std::string> batches() {
    auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    std::vector<std::string> all;
    for (Offset next = log_start(); next < log_end();) {
      const auto found = reader->read(partition_, next, 1 << 20).value();
      if (found.empty()) break;
      for (const BatchRef& batch : found) all.emplace_back(batch.bytes);
      next = found.back().last_offset + 1;
    }
    reader->end_turn();
    return all;
  }
  size_t batches_of_task() {
    return static_cast<size_t>(std::ranges::count_if(batches(), [](const std::string& bytes) {
      return records::parse_batch(bytes, records::BatchCheck::Shape)->header.producer_id == kTask;
    }));
  }
};

TEST_F(LogCleanerTaskTest, a_replica_that_copies_the_remaining_batches_knows_the_next_sequence) {
  compact_always();
  for (int i = 0; i < 5; ++i) append(written(i, "k"));
  put("k", "of somebody else");
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(table(), (Rows{{"k", "of somebody else"}, {"end", ""}}));
  EXPECT_EQ(batches_of_task(), 1u);

  MemoryDisk other_disk;
  auto other = Log::open(other_disk.open(), {}).value();
  ASSERT_TRUE(create_partitions_and_wait(*other, partition_.topic, 1));
  ReplicaLog replica(*other);
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    replica.set_role(partition_, ReplicaRole::Follower, LeaderEpoch{1}, done);
  }));
  std::string copied;
  for (const std::string& batch : batches()) copied += batch;
  FollowRequest request{partition_, LeaderEpoch{1}, copied, log_end(), {}};
  ASSERT_TRUE(check_for_follow(request.batches));
  ASSERT_TRUE(wait_for<Result<Appended>>(
      [&](AppendDone done) { ASSERT_TRUE(replica.try_follow(request, done)); }));
  ASSERT_TRUE(wait_for<Status>(
      [&](auto done) { replica.set_role(partition_, ReplicaRole::Alone, LeaderEpoch{2}, done); }));
  const auto send = [&](int32_t sequence) {
    return append_and_wait(*other, append_of(partition_, written(sequence, "k")));
  };
  EXPECT_EQ(send(6).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(send(4)->front().last_offset, Offset{4}) << "it is there";
  const auto next = send(5);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->front().base_offset, log_end());
}

TEST_F(LogCleanerTaskTest, only_the_last_batch_of_a_task_stays_without_its_records) {
  compact_always();
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3; ++i) append(written(3 * round + i, "k"));
    put("k", std::to_string(round));
    cleaner_->run_once();
    put("end", "");
    cleaner_->run_once();
    EXPECT_EQ(batches_of_task(), 1u);
  }
  open();
  EXPECT_EQ(table(), (Rows{{"k", "3"}, {"end", ""}}));
}

// Other writers have overwritten the task's last record. The empty batch that remains must not be restored as a record.
TEST_F(LogCleanerTaskTest, the_remaining_batch_of_a_task_restores_no_record) {
  compact_always();
  target_.policy.delete_retention_ms = 1'000;
  append(written(0, "k"));
  put("k", std::nullopt);
  put("end", "");
  cleaner_->run_once();
  pass_ms(10'000);
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(table(), (Rows{{"end", ""}}));
  for (const Stored& record : stored()) EXPECT_NE(record.key, "k");
  EXPECT_EQ(batches_of_task(), 1u);
}

TEST_F(LogCleanerTest, batches_of_transactions_stay_as_they_are) {
  compact_always();
  for (int i = 0; i < 3; ++i) {
    std::string batch = batch_of("v");
    batch[22] = static_cast<char>(batch[22] | 16);
    // sets the checksum, too
    records::set_producer({batch.data(), batch.size()}, {ProducerId{5}, 0, i});
    append(std::move(batch));
  }
  put("end", "");
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 4u);
}

TEST_F(LogCleanerTest, both_policies_work_together) {
  compact_always();
  target_.policy.deletes = true;
  target_.policy.retention_ms = 60'000;
  put("a", "1");
  put("a", "2");
  put("b", "1");
  cleaner_->run_once();
  EXPECT_EQ(stored().size(), 2u);
  pass_ms(50'000);
  put("c", "1");
  cleaner_->run_once();
  pass_ms(20'000);
  cleaner_->run_once();
  EXPECT_EQ(table(), (Rows{{"c", "1"}}));
  EXPECT_EQ(log_start(), Offset{3});
}

// Tests truncations of compacted records. Only an unclean election makes a replica truncate such
// records.
class LogCleanerTruncationTest : public LogCleanerTest {
 protected:
  void become(ReplicaRole role, int epoch) {
    ASSERT_TRUE(wait_for<Status>([&](auto done) {
      ReplicaLog(*log_).set_role(partition_, role, LeaderEpoch{epoch}, done);
    }));
  }
  // Truncates the log as a follower in epoch `epoch`, then leads it again as the only replica.
  void truncate(int64_t end, int epoch) {
    become(ReplicaRole::Follower, epoch);
    ASSERT_EQ(wait_for<Result<Offset>>([&](auto done) {
                ReplicaLog(*log_).truncate(partition_, LeaderEpoch{epoch}, Offset{end}, done);
              }).value(),
              Offset{end});
    become(ReplicaRole::Alone, epoch + 1);
  }
  std::vector<std::string> values() {
    std::vector<std::string> all;
    for (const Stored& record : stored()) all.push_back(record.value.value_or("-"));
    return all;
  }
  using Values = std::vector<std::string>;
};

TEST_F(LogCleanerTruncationTest, records_in_place_of_truncated_ones_are_compacted) {
  compact_always();
  for (const char* value : {"1", "2", "3", "4"}) put("a", value);
  put("end", "5");
  cleaner_->run_once();
  EXPECT_EQ(values(), (Values{"4", "5"}));
  truncate(3, 1);
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), Offset{3});
  EXPECT_EQ(log_->find_partition(partition_)->gaps_end(), Offset{3});
  put("b", "6");
  put("b", "7");
  put("end", "8");
  cleaner_->run_once();
  EXPECT_EQ(values(), (Values{"7", "8"}));
}

TEST_F(LogCleanerTruncationTest, the_cleaned_end_of_a_truncated_log_outlives_a_restart) {
  compact_always();
  for (const char* value : {"1", "2", "3"}) put("a", value);
  put("end", "4");
  cleaner_->run_once();
  truncate(1, 1);
  open();
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), Offset{1});
  truncate(0, 3);
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), Offset{0});
  put("a", "5");
  put("a", "6");
  put("end", "7");
  cleaner_->run_once();
  EXPECT_EQ(values(), (Values{"6", "7"}));
}

// Other batches may have replaced those that a pass has read, before the pass writes.
TEST_F(LogCleanerTruncationTest, a_pass_does_not_overwrite_batches_of_a_new_leader) {
  compact_always();
  const auto batch_with = [](const std::string& first, const std::string& second) {
    records::BatchBuilder builder;
    builder.append(1, first, first);
    builder.append(1, second, second);
    return builder.finish();
  };
  append(batch_with("a", "b"));
  put("a", "c");
  const auto partition = log_->core().find_partition(partition_);
  const auto reader = LogReader::open(*log_).value();
  std::vector<CleanedBatches> cleaned;
  KeyOffsets keys(64, 1);
  Compaction pass(*reader, *partition, target_.policy, clock_.wall_ms(),
                  [&](CleanedBatches slice) -> Status {
                    cleaned.push_back(std::move(slice));
                    return {};
                  });
  ASSERT_TRUE(pass.run(keys, log_end(), [] { return true; }));
  ASSERT_EQ(cleaned.size(), 1u);
  ASSERT_EQ(cleaned[0].batches.size(), 1u) << "the first batch loses a record";
  truncate(0, 1);
  append(batch_with("x", "y"));
  const auto write = [&] {
    return wait_for<Status>([&](auto done) {
      log_->core().submit([&](GroupTransaction& group) { return group.clean(cleaned[0]); }, done);
    });
  };
  const Status written = write();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::QueryCanceled);
  EXPECT_EQ(values(), (Values{"x", "y"}));
}

// The log may be truncated after the end of the pass was chosen and before the pass begins.
TEST_F(LogCleanerTruncationTest, a_pass_beyond_the_log_end_is_refused) {
  compact_always();
  for (const char* value : {"1", "2", "3"}) put("a", value);
  const Offset end = log_end();
  truncate(1, 1);
  const auto partition = log_->core().find_partition(partition_);
  const auto reader = LogReader::open(*log_).value();
  KeyOffsets keys(64, 1);
  Compaction pass(*reader, *partition, target_.policy, clock_.wall_ms(), [&](CleanedBatches slice) {
    return wait_for<Status>([&](auto done) {
      log_->core().submit([&](GroupTransaction& group) { return group.clean(slice); }, done);
    });
  });
  const auto outcome = pass.run(keys, end, [] { return true; });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(log_->find_partition(partition_)->cleaned_end(), Offset{0});
}

// Repeats a pass of the compaction, and cuts the power at its first commit, then at the second, and so on.
TEST_F(LogCleanerTest, a_crash_at_any_moment_leaves_the_same_table) {
  compact_always();
  Rows rows;
  for (int i = 0; i < 1'500; ++i) {
    const std::string key = "k" + std::to_string(i % 40), value = std::to_string(i);
    put(key, value);
    rows[key] = value;
  }
  for (int round = 0; round < 4; ++round) {
    std::atomic<int> commits_left = round;
    cleaner_.reset();
    log_.reset();
    LogOptions options;
    options.clock = &clock_;
    options.trace = [&](const LogTrace& trace) {
      if (trace.step == LogTrace::Step::Synced && cleaner_ && commits_left-- <= 0) cleaner_->stop();
    };
    log_ = Log::open(disk_.open(), options).value();
    commits_left = round;
    cleaner_ = LogCleaner::open(*log_, {.clock = &clock_}, *this).value();
    cleaner_->run_once();
    EXPECT_EQ(table(), rows);
    open();
    EXPECT_EQ(table(), rows);
  }
  cleaner_->run_once();
  EXPECT_EQ(table(), rows);
  // The newest batch is not cleaned, so the previous record of its key stays as well.
  EXPECT_EQ(stored().size(), 41u);
}

}  // namespace
}  // namespace storage
