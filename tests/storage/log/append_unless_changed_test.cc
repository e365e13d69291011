// Tests rows that depend on rows that were read: they are appended only if the rows that were read
// are still the newest of their keys.
#include "storage/log/append_unless_changed.h"

#include <gtest/gtest.h>

#include "storage/kv/memory_store.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

const TopicPartition kPartition{Uuid{{1}}, PartitionId(0)};
constexpr ProducerId kAnna{7}, kBert{8};

std::string row(const std::string& key, const std::string& value,
                const records::ProducerStamp& stamp = {}, records::Codec codec = {}) {
  records::BatchBuilder builder;
  builder.append(1000, key, value);
  return builder.finish(codec, stamp);
}

class AppendUnlessChangedTest : public testing::Test {
 protected:
  void SetUp() override {
    log_ = Log::open(store_.open(), {}).value();
    ASSERT_TRUE(create_partitions_and_wait(*log_, kPartition.topic, 1));
  }
  void append(std::string batches) {
    ASSERT_TRUE(append_and_wait(*log_, append_of(kPartition, std::move(batches))));
  }
  Result<Offset> change(std::string batches, const Unchanged& unchanged) {
    const auto appended = wait_for<Result<Appended>>([&](AppendDone done) {
      append_unless_changed(*log_, append_of(kPartition, std::move(batches)), unchanged,
                            std::move(done));
    });
    if (!appended) return appended.error();
    return appended->batches.front().base_offset;
  }
  static bool was_changed(const Result<Offset>& result) {
    return !result && result.error().code == ErrorCode::ObjectState;
  }
  std::vector<std::string> values() { return read_values(*log_, kPartition); }

  MemoryDisk store_;
  std::unique_ptr<Log> log_;
};

TEST_F(AppendUnlessChangedTest, a_writer_that_has_read_all_its_keys_appends) {
  append(row("a", "a1") + row("b", "b1"));
  EXPECT_EQ(change(row("a", "a2"), {Offset{2}}), Offset{2});
  append(row("b", "b2"));  // a row with another key
  EXPECT_EQ(change(row("a", "a3"), {Offset{3}}), Offset{4});
  EXPECT_EQ(values(), (std::vector<std::string>{"a1", "b1", "a2", "b2", "a3"}));
}

TEST_F(AppendUnlessChangedTest, an_overtaken_writer_has_written_nothing) {
  append(row("a", "a1"));
  append(row("a", "a2"));
  EXPECT_TRUE(was_changed(change(row("b", "b1") + row("a", "late"), {Offset{1}})));
  EXPECT_EQ(values(), (std::vector<std::string>{"a1", "a2"}));
}

TEST_F(AppendUnlessChangedTest, a_record_within_a_batch_counts_by_its_own_offset) {
  records::BatchBuilder builder;
  builder.append(1000, "a", "a1");
  builder.append(1000, "b", "b1");
  append(builder.finish());
  EXPECT_TRUE(was_changed(change(row("b", "late"), {Offset{1}})));
  // At offset 1 and later only "b" was written, although the batch with this record also contains
  // "a".
  EXPECT_EQ(change(row("a", "a2"), {Offset{1}}), Offset{2});
}

TEST_F(AppendUnlessChangedTest, a_repeated_request_is_recognized) {
  const std::string mine = row("a", "a1", {kAnna, 0, 0});
  EXPECT_EQ(change(mine, {Offset{0}}), Offset{0});
  append(row("a", "a2"));
  EXPECT_EQ(change(mine, {Offset{0}}), Offset{0});
  EXPECT_EQ(values(), (std::vector<std::string>{"a1", "a2"}));
}

TEST_F(AppendUnlessChangedTest, a_later_request_for_the_same_rows_is_not_overtaken_by_the_first) {
  append(row("a", "a0", {kAnna, 0, 0}));
  EXPECT_EQ(change(row("b", "b1", {kAnna, 0, 1}), {Offset{1}}), Offset{1});
  EXPECT_EQ(change(row("b", "b2", {kAnna, 0, 2}), {Offset{1}, Offset{1}}), Offset{2});
  // Row a0 at offset 0 is by the same producer. But it is before own_from (1), so it was not
  // written by an earlier attempt of this request, and counts as a conflict.
  EXPECT_TRUE(was_changed(change(row("a", "a1", {kAnna, 0, 3}), {Offset{0}, Offset{1}})));
  append(row("b", "b3", {kBert, 0, 0}));
  EXPECT_TRUE(was_changed(change(row("b", "b4", {kAnna, 0, 3}), {Offset{1}, Offset{1}})));
}

TEST_F(AppendUnlessChangedTest, a_writer_with_an_old_read_reads_again) {
  append(row("a", "a1"));
  for (int i = 0; i < 3; ++i) append(row("other", std::string(kMostBytesSince / 2, 'x')));
  EXPECT_TRUE(was_changed(change(row("a", "a2"), {Offset{1}})));
  EXPECT_EQ(change(row("a", "a2"), {Offset{3}}), Offset{4});
}

TEST_F(AppendUnlessChangedTest, compressed_batches_are_unpacked_up_to_a_limit) {
  append(row("a", "a1"));
  append(row("other", std::string(4 * kMostBytesSince, 'x'), {}, records::Codec::Zstd));
  EXPECT_TRUE(was_changed(change(row("a", "a2"), {Offset{1}})));
}

TEST_F(AppendUnlessChangedTest, a_condition_on_one_partition_covers_the_others) {
  const TopicPartition position{kPartition.topic, PartitionId(1)};
  ASSERT_TRUE(create_partitions_and_wait(*log_, kPartition.topic, 2));
  const auto step = [&](const std::string& value, Offset since) {
    return wait_for<Result<Appended>>([&](AppendDone done) {
      append_unless_changed(*log_, {{{kPartition, row("a", value)}, {position, row("p", value)}}},
                            {.since = since, .only_in = position}, std::move(done));
    });
  };
  append(row("a", "of another writer"));
  EXPECT_TRUE(step("1", Offset{0}));  // the key "a" is newer, but only "p" is a condition
  const auto late = step("late", Offset{0});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::ObjectState);
  EXPECT_TRUE(step("2", Offset{1}));
  EXPECT_EQ(values(), (std::vector<std::string>{"of another writer", "1", "2"}));
  EXPECT_EQ(read_values(*log_, position), (std::vector<std::string>{"1", "2"}));
}

TEST_F(AppendUnlessChangedTest, one_of_two_simultaneous_requests_is_first) {
  append(row("a", "0"));
  std::atomic<int> passed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      if (change(row("a", std::to_string(i)), {Offset{1}})) ++passed;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed, 1);
  EXPECT_EQ(values().size(), 2U);
}

}  // namespace
}  // namespace storage
