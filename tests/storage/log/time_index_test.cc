// Tests the search of offsets by time: it is correct for any order of timestamps, and does not read
// the whole partition.
#include "storage/log/time_index.h"

#include <chrono>
#include <random>

#include "storage/log/log_core.h"
#include "tests/patience.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

class TimeIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    options_.clock = &clock_;
    open();
    partition_ = {Uuid::random(), PartitionId{0}};
    ASSERT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1));
  }
  void open() {
    log_.reset();
    log_ = Log::open(directory_.path(), options_).value();
  }
  // Appends one record per batch, with all batches in a few requests.
  void append(std::span<const int64_t> timestamps) {
    std::string batches;
    size_t count = 0;
    for (const int64_t timestamp : timestamps) {
      batches += batch_of("a", 1, timestamp);
      if (++count % 2000 != 0 && count != timestamps.size()) continue;
      ASSERT_TRUE(append_and_wait(*log_, append_of(partition_, std::exchange(batches, {}))));
    }
    timestamps_.insert(timestamps_.end(), timestamps.begin(), timestamps.end());
  }
  Offset expected(int64_t timestamp) const {
    const auto found =
        std::ranges::find_if(timestamps_, [&](int64_t one) { return one >= timestamp; });
    return Offset{found - timestamps_.begin()};
  }
  template <class Ask>
  Offset ask(const Ask& ask) {
    auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    return ask(*reader).value();
  }
  Offset found(int64_t timestamp) {
    return ask([&](LogReader& reader) { return offset_for_time(reader, partition_, timestamp); });
  }
  size_t index_size() {
    auto transaction = log_->store().begin_read().value();
    const auto cursor = transaction->cursor(log_->core().tables().timestamps).value();
    size_t count = 0;
    for (auto entry = cursor->first().value(); entry; entry = cursor->next().value()) ++count;
    return count;
  }

  ScratchDirectory directory_;
  SimulatedClock clock_{1'000'000};
  LogOptions options_;
  std::unique_ptr<Log> log_;
  TopicPartition partition_;
  std::vector<int64_t> timestamps_;
};

TEST_F(TimeIndexTest, timestamps_in_any_order_are_found_as_by_a_walk) {
  std::mt19937 random(4711);
  std::vector<int64_t> timestamps;
  int64_t now = -5'000;  // times before 1970 are allowed, too
  for (int i = 0; i < 12'000; ++i) {
    now += random() % 3;
    const bool is_odd = random() % 50 == 0;
    timestamps.push_back(is_odd ? now + static_cast<int64_t>(random() % 4000) - 2000 : now);
  }
  append(timestamps);
  EXPECT_GT(index_size(), 5u);
  for (int start = 0; start < 2; ++start) {
    for (int i = 0; i < 500; ++i) {
      const int64_t asked = -8'000 + static_cast<int64_t>(random() % 25'000);
      EXPECT_EQ(found(asked), expected(asked)) << asked;
    }
    EXPECT_EQ(found(INT64_MAX), log_->find_partition(partition_)->log_end());
    EXPECT_EQ(found(INT64_MIN), Offset{0});
    open();
    append(std::vector<int64_t>(10, 20'000));  // the index continues where it had stopped
    timestamps_.resize(12'000);
    EXPECT_EQ(found(19'999), expected(19'999));
    timestamps_.insert(timestamps_.end(), 10 * (start + 1), 20'000);
    EXPECT_EQ(found(20'000), expected(20'000));
    timestamps_.resize(12'000);
  }
}

// One record has a timestamp far in the future, and many records with earlier timestamps follow. The index entry
// must move with them, so that a search for later records begins near them.
TEST_F(TimeIndexTest, a_record_from_the_future_does_not_spoil_the_index) {
  std::vector<int64_t> timestamps = {1'000'000};
  for (int64_t i = 0; i < 30'000; ++i) timestamps.push_back(i);
  timestamps.push_back(2'000'000);
  append(timestamps);
  EXPECT_EQ(found(500), Offset{0});
  EXPECT_EQ(found(1'500'000), Offset{30'001});
  EXPECT_LT(index_size(), 3u);
  auto transaction = log_->store().begin_read().value();
  const auto& partition = **log_->core().partitions()->find(partition_);
  const Offset candidate =
      first_candidate(*transaction, log_->core().tables(), partition, 1'500'000).value();
  EXPECT_GT(candidate, Offset{29'000});
}

TEST_F(TimeIndexTest, a_look_up_touches_few_of_many_batches) {
  std::vector<int64_t> timestamps;
  for (int64_t i = 0; i < 50'000; ++i) timestamps.push_back(i * 10);
  append(timestamps);
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < 100; ++i)
    EXPECT_EQ(offset_for_time(*reader, partition_, i * 5'000 - 5).value(), Offset{i * 500});
  const auto took = std::chrono::steady_clock::now() - begin;
  // The bound is for a build without optimization on a busy machine; reading the whole partition
  // takes ten times as long.
  EXPECT_FASTER(took, std::chrono::milliseconds(100 * 5));
}

TEST_F(TimeIndexTest, the_end_at_a_moment_is_known_roughly) {
  const auto end_before = [&](int64_t time_ms) {
    return ask([&](LogReader& reader) { return reader.end_appended_before(partition_, time_ms); });
  };
  append(std::vector<int64_t>(2000, 5));
  clock_.advance_us(1'000'000);
  append(std::vector<int64_t>(2000, 4));
  EXPECT_EQ(end_before(1'000'000), Offset{0});
  EXPECT_EQ(end_before(1'000'001), Offset{2000});
  EXPECT_EQ(end_before(1'001'001), Offset{4000});
}

TEST_F(TimeIndexTest, a_dropped_partition_takes_its_entries_along) {
  append(std::vector<int64_t>(5000, 5));
  EXPECT_GT(index_size(), 0u);
  std::promise<Status> dropped;
  log_->drop_topic(partition_.topic, [&](Status status) { dropped.set_value(std::move(status)); });
  ASSERT_TRUE(dropped.get_future().get());
  wait_until_removed(*log_);
  EXPECT_EQ(index_size(), 0u);
}

}  // namespace
}  // namespace storage
