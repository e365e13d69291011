#include "storage/log/replica_log.h"

#include "storage/log/task_outputs.h"

#include <atomic>
#include <future>
#include <thread>

#include "storage/kv/memory_store.h"
#include "storage/log/stored_keys.h"
#include "tests/storage/log/log_fixture.h"

namespace storage {
namespace {

using Values = std::vector<std::string>;

ErrorCode code_of(const Status& status) {
  return status ? ErrorCode::Internal : status.error().code;
}

class ReplicaLogTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    replica_.reset();
    log_.reset();
    LogOptions options;
    options.on_durable = [this](auto partitions) { told_ += partitions.size(); };
    log_ = Log::open(disk_.open(), std::move(options)).value();
    replica_.emplace(*log_);
  }
  void make_partition(PartitionKind kind = PartitionKind::Client) {
    ASSERT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1, kind));
  }
  Status set_role(ReplicaRole role, int epoch) {
    return wait_for<Status>(
        [&](auto done) { replica_->set_role(partition_, role, LeaderEpoch{epoch}, done); });
  }
  void become(ReplicaRole role, int epoch) {
    const Status status = set_role(role, epoch);
    ASSERT_TRUE(status) << status.error().message;
  }
  std::future<Result<std::vector<AppendedBatch>>> append(std::string batch, Acks acks = Acks::All) {
    AppendRequest request = append_of(partition_, std::move(batch));
    request.acks = acks;
    const auto answer = std::make_shared<std::promise<Result<std::vector<AppendedBatch>>>>();
    AppendDone done = [answer](Result<Appended> result) {
      if (result)
        answer->set_value(std::move(result->batches));
      else
        answer->set_value(std::move(result).error());
    };
    EXPECT_TRUE(log_->try_append(request, done));
    return answer->get_future();
  }
  Status follow(std::string batches, int epoch, int64_t high_watermark = 0, int64_t log_start = 0) {
    FollowRequest request{partition_, LeaderEpoch{epoch}, std::move(batches),
                          Offset{high_watermark}, Offset{log_start}};
    EXPECT_TRUE(check_for_follow(request.batches));
    const auto followed = wait_for<Result<Appended>>(
        [&](AppendDone done) { ASSERT_TRUE(replica_->try_follow(request, done)); });
    return followed ? Status{} : Status(followed.error());
  }
  Result<Offset> truncate(int64_t end, int epoch) {
    return wait_for<Result<Offset>>(
        [&](auto done) { replica_->truncate(partition_, LeaderEpoch{epoch}, Offset{end}, done); });
  }
  bool advance(int64_t offset, int epoch) {
    return replica_->advance_high_watermark(partition_, LeaderEpoch{epoch}, Offset{offset});
  }
  EpochEnd end_of(int epoch) {
    return replica_->end_of_epoch(partition_, LeaderEpoch{epoch}).value();
  }
  const PartitionStatus& status() {
    status_ = log_->find_partition(partition_);
    return *status_;
  }
  Values visible_values() { return read_values(*log_, partition_, status().log_start()); }
  Values all_values() {
    auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    const auto batches =
        reader->read(partition_, status().log_start(), 1 << 20, ReadUpTo::LogEnd).value();
    Values values;
    for (const BatchRef& batch : batches)
      for (std::string& value : values_in(batch.bytes)) values.push_back(std::move(value));
    return values;
  }

  void wait_for_removals() {
    while (log_->pending_removals() > 0) std::this_thread::yield();
  }

  // Returns the batch with the offset and epoch that a leader would assign.
  static std::string led(std::string batch, int64_t base_offset, int epoch) {
    records::set_base_offset(batch.data(), Offset{base_offset});
    records::set_leader_epoch(batch.data(), LeaderEpoch{epoch});
    return batch;
  }
  static std::string produced(std::string batch, int sequence, int16_t epoch = 0,
                              int64_t producer = 7) {
    records::set_producer(batch, {ProducerId{producer}, epoch, sequence});
    return batch;
  }

  std::atomic<size_t> told_ = 0;  // number of partitions reported to have more to read
  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
  std::optional<ReplicaLog> replica_;
  const TopicPartition partition_{Uuid::random(), PartitionId{0}};
  std::shared_ptr<const PartitionStatus> status_;
};

bool is_ready(const auto& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

TEST_F(ReplicaLogTest, readers_of_a_follower_are_notified_of_visible_records) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("a"), 0, 1), 1));
  EXPECT_EQ(visible_values(), Values{});
  const size_t before = told_;
  ASSERT_TRUE(follow("", 1, 1));
  EXPECT_EQ(visible_values(), Values{"a0"});
  EXPECT_EQ(told_, before + 1);
  ASSERT_TRUE(follow("", 1, 1));
  EXPECT_EQ(told_, before + 1);
}

// A new high watermark alone causes no write. Later writes must not lower it.
TEST_F(ReplicaLogTest, a_follower_receives_the_high_watermark) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("a"), 0, 1) + led(batch_of("b"), 1, 1), 1));
  const size_t before = told_;
  EXPECT_FALSE(advance(1, 0)) << "under an old epoch";
  EXPECT_TRUE(advance(1, 1));
  EXPECT_EQ(visible_values(), Values{"a0"});
  EXPECT_EQ(told_, before + 1);
  EXPECT_FALSE(advance(1, 1));
  ASSERT_TRUE(follow(led(batch_of("c"), 2, 1), 1, 0));
  EXPECT_EQ(status().high_watermark(), Offset{1});
  EXPECT_TRUE(advance(9, 1)) << "no further than what it has";
  EXPECT_EQ(status().high_watermark(), Offset{3});
  ASSERT_TRUE(truncate(1, 1));
  EXPECT_EQ(status().high_watermark(), Offset{1});
  open();
  EXPECT_EQ(status().high_watermark(), Offset{1});
}

TEST_F(ReplicaLogTest, a_lone_replica_shows_and_acknowledges_durable_records) {
  make_partition();
  EXPECT_TRUE(append(batch_of("a")).get());
  EXPECT_EQ(status().high_watermark(), Offset{1});
  EXPECT_FALSE(advance(1, 0));
  EXPECT_EQ(visible_values(), Values{"a0"});
}

TEST_F(ReplicaLogTest, a_leaders_records_are_visible_and_acknowledged_when_followers_have_them) {
  make_partition();
  ASSERT_TRUE(append(batch_of("a")).get());
  become(ReplicaRole::Leader, 1);
  EXPECT_EQ(status().high_watermark(), Offset{1}) << "what was visible stays so";

  auto first = append(batch_of("b", 2));
  EXPECT_TRUE(append(batch_of("c"), Acks::Leader).get()) << "durable here is enough";
  EXPECT_EQ(status().log_end(), Offset{4});
  EXPECT_FALSE(is_ready(first));
  EXPECT_EQ(visible_values(), Values{"a0"});
  EXPECT_EQ(all_values(), (Values{"a0", "b0", "b1", "c0"}));

  EXPECT_FALSE(advance(3, 0)) << "an old epoch's followers do not count";
  EXPECT_TRUE(advance(3, 1));
  EXPECT_EQ(first.get()->at(0).last_offset, Offset{2});
  EXPECT_EQ(visible_values(), (Values{"a0", "b0", "b1"}));
  EXPECT_FALSE(advance(2, 1)) << "it never goes back";
  EXPECT_TRUE(advance(99, 1)) << "nor behind the log end";
  EXPECT_EQ(status().high_watermark(), Offset{4});
}

TEST_F(ReplicaLogTest, appends_that_wait_end_with_the_leadership) {
  make_partition();
  become(ReplicaRole::Leader, 1);
  auto waiting = append(batch_of("a"));
  become(ReplicaRole::Follower, 2);
  EXPECT_EQ(waiting.get().error().code, ErrorCode::NotLeader);
  EXPECT_EQ(append(batch_of("b")).get().error().code, ErrorCode::NotLeader);

  become(ReplicaRole::Leader, 3);
  auto visible_soon = append(batch_of("c"));
  become(ReplicaRole::Alone, 3);
  EXPECT_TRUE(visible_soon.get()) << "the other replicas were removed";

  become(ReplicaRole::Leader, 4);
  auto dropped = append(batch_of("d"));
  EXPECT_TRUE(wait_for<Status>([&](auto done) { log_->drop_topic(partition_.topic, done); }));
  EXPECT_EQ(dropped.get().error().code, ErrorCode::UnknownTopic);
}

// A case found by simulation: the append was acknowledged, but the next leader did not have it.
TEST_F(ReplicaLogTest,
       an_append_that_is_durable_with_the_end_of_the_leadership_is_not_acknowledged) {
  make_partition();
  become(ReplicaRole::Leader, 1);
  replica_.reset();
  log_.reset();
  LogOptions options;
  options.writer = LogOptions::Writer::Owner;
  log_ = Log::open(disk_.open(), options).value();
  replica_.emplace(*log_);
  // The requests are written in one group. It begins with this request from another queue, and
  // continues with the queue of the clients.
  log_->submit([](WriteTransaction&) { return Status(); }, [](const Status&) {});
  auto waiting = append(batch_of("a"));
  replica_->set_role(partition_, ReplicaRole::Follower, LeaderEpoch{2}, [](const Status&) {});
  EXPECT_EQ(status().log_end(), Offset{0}) << "nothing happens by itself";
  EXPECT_TRUE(log_->write_next());
  EXPECT_EQ(status().log_end(), Offset{1});
  ASSERT_TRUE(is_ready(waiting));
  EXPECT_EQ(waiting.get().error().code, ErrorCode::NotLeader);
  EXPECT_FALSE(log_->write_next());
}

TEST_F(ReplicaLogTest, appends_that_wait_end_with_the_log) {
  make_partition();
  become(ReplicaRole::Leader, 1);
  auto waiting = append(batch_of("a"));
  ASSERT_TRUE(append(batch_of("b"), Acks::Leader).get());
  log_->close();
  EXPECT_EQ(waiting.get().error().code, ErrorCode::ShuttingDown);
}

TEST_F(ReplicaLogTest, roles_of_old_epochs_are_refused) {
  make_partition();
  become(ReplicaRole::Leader, 5);
  EXPECT_EQ(code_of(set_role(ReplicaRole::Follower, 4)), ErrorCode::FencedLeaderEpoch);
  EXPECT_EQ(code_of(set_role(ReplicaRole::Follower, 5)), ErrorCode::FencedLeaderEpoch);
  EXPECT_TRUE(set_role(ReplicaRole::Leader, 5)) << "told twice";
  become(ReplicaRole::Follower, 6);
  EXPECT_EQ(code_of(follow("", 5)), ErrorCode::FencedLeaderEpoch);
  EXPECT_EQ(truncate(0, 5).error().code, ErrorCode::FencedLeaderEpoch);
  become(ReplicaRole::Leader, 7);
  EXPECT_EQ(code_of(follow("", 7)), ErrorCode::FencedLeaderEpoch);
}

TEST_F(ReplicaLogTest, a_follower_keeps_the_leaders_offsets_and_epochs) {
  make_partition();
  become(ReplicaRole::Follower, 3);
  const std::string batches = led(batch_of("a", 2), 0, 1) + led(batch_of("b"), 2, 3);
  ASSERT_TRUE(follow(batches, 3, 2));
  EXPECT_EQ(status().log_end(), Offset{3});
  EXPECT_EQ(status().high_watermark(), Offset{2});
  EXPECT_EQ(visible_values(), (Values{"a0", "a1"}));
  ASSERT_TRUE(follow("", 3, 3)) << "the high watermark comes with the next answer";
  EXPECT_EQ(visible_values(), (Values{"a0", "a1", "b0"}));
  EXPECT_EQ(end_of(1), (EpochEnd{LeaderEpoch{1}, Offset{2}}));
  EXPECT_EQ(end_of(3), (EpochEnd{LeaderEpoch{3}, Offset{3}}));
}

TEST_F(ReplicaLogTest, a_batch_that_does_not_continue_the_log_changes_nothing) {
  make_partition();
  become(ReplicaRole::Follower, 3);
  ASSERT_TRUE(follow(led(batch_of("a", 2), 0, 2), 3));
  EXPECT_EQ(code_of(follow(led(batch_of("b"), 1, 2), 3)), ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(code_of(follow(led(batch_of("b"), 2, 2) + led(batch_of("c"), 2, 2), 3)),
            ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(code_of(follow(led(batch_of("b"), 2, 1), 3)), ErrorCode::CorruptRecord);
  EXPECT_EQ(code_of(follow(led(batch_of("b"), 2, 4), 3)), ErrorCode::CorruptRecord);
  EXPECT_EQ(all_values(), (Values{"a0", "a1"}));
  EXPECT_EQ(status().log_end(), Offset{2});
  EXPECT_TRUE(follow(led(batch_of("b"), 5, 2), 3)) << "compaction has left a gap";
  EXPECT_EQ(status().log_end(), Offset{6});
}

TEST_F(ReplicaLogTest, a_follower_forgets_records_that_its_leader_has_trimmed) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("a", 2), 0, 1) + led(batch_of("b", 2), 2, 1), 1, 4));
  ASSERT_TRUE(follow("", 1, 4, 2));
  EXPECT_EQ(status().log_start(), Offset{2});
  EXPECT_EQ(visible_values(), (Values{"b0", "b1"}));
}

// Asks the questions of KIP-279, and expects its answers
// (https://cwiki.apache.org/confluence/display/KAFKA/KIP-279).
TEST_F(ReplicaLogTest, the_end_of_an_epoch_is_the_beginning_of_the_next_one) {
  make_partition();
  ASSERT_TRUE(append(batch_of("a", 2)).get());
  become(ReplicaRole::Leader, 2);
  ASSERT_TRUE(append(batch_of("b", 3), Acks::Leader).get());
  become(ReplicaRole::Leader, 4);  // the leader wrote nothing in this epoch
  become(ReplicaRole::Leader, 6);
  ASSERT_TRUE(append(batch_of("c"), Acks::Leader).get());
  const auto check = [&] {
    EXPECT_EQ(end_of(0), (EpochEnd{LeaderEpoch{0}, Offset{2}}));
    EXPECT_EQ(end_of(1), (EpochEnd{LeaderEpoch{0}, Offset{2}})) << "nobody led under it";
    EXPECT_EQ(end_of(2), (EpochEnd{LeaderEpoch{2}, Offset{5}}));
    EXPECT_EQ(end_of(5), (EpochEnd{LeaderEpoch{2}, Offset{5}}));
    EXPECT_EQ(end_of(6), (EpochEnd{LeaderEpoch{6}, Offset{6}}));
    EXPECT_EQ(end_of(7), EpochEnd{}) << "not heard of";
    EXPECT_EQ(end_of(-1), EpochEnd{});
  };
  check();
  open();
  check();
  EXPECT_EQ(status().role(), ReplicaRole::Leader);
  EXPECT_EQ(status().leader_epoch(), LeaderEpoch{6});
}

// A case found by simulation: the follower asked for ever about an epoch of which it had no batch, and then
// accepted no batches of older epochs.
TEST_F(ReplicaLogTest, an_epoch_in_which_nothing_was_written_does_not_keep_older_ones_out) {
  make_partition();
  EXPECT_EQ(replica_->last_epoch(partition_).value(), std::nullopt);
  become(ReplicaRole::Leader, 2);
  ASSERT_TRUE(append(batch_of("a", 2), Acks::Leader).get());
  become(ReplicaRole::Leader, 5);
  EXPECT_EQ(end_of(5), (EpochEnd{LeaderEpoch{5}, Offset{2}}));
  EXPECT_EQ(replica_->last_epoch(partition_).value(), LeaderEpoch{2});

  become(ReplicaRole::Follower, 6);
  std::string older = batch_of("b");
  records::set_base_offset(older.data(), Offset{2});
  records::set_leader_epoch(older.data(), LeaderEpoch{3});
  const Status followed = follow(older, 6);
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(replica_->last_epoch(partition_).value(), LeaderEpoch{3});
  EXPECT_EQ(end_of(5), (EpochEnd{LeaderEpoch{3}, Offset{3}}));
}

TEST_F(ReplicaLogTest, truncation_takes_whole_batches_and_their_epochs) {
  make_partition();
  become(ReplicaRole::Follower, 3);
  ASSERT_TRUE(follow(
      led(batch_of("a", 2), 0, 1) + led(batch_of("b", 3), 2, 2) + led(batch_of("c"), 5, 3), 3, 6));
  EXPECT_EQ(truncate(6, 3).value(), Offset{6});
  EXPECT_EQ(truncate(4, 3).value(), Offset{2}) << "b reaches over the end";
  EXPECT_EQ(status().log_end(), Offset{2});
  EXPECT_EQ(status().high_watermark(), Offset{2});
  EXPECT_EQ(end_of(3), (EpochEnd{LeaderEpoch{1}, Offset{2}}));
  ASSERT_TRUE(follow(led(batch_of("d"), 2, 3), 3, 3));
  EXPECT_EQ(visible_values(), (Values{"a0", "a1", "d0"}));
  EXPECT_EQ(end_of(2), (EpochEnd{LeaderEpoch{1}, Offset{2}}));
  open();
  EXPECT_EQ(visible_values(), (Values{"a0", "a1", "d0"}));
}

TEST_F(ReplicaLogTest, a_long_truncation_is_done_in_parts) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  std::string batches;
  for (int i = 0; i < 3'500; ++i) batches += led(batch_of("v"), i, 1);
  ASSERT_TRUE(follow(batches, 1, 10));
  EXPECT_EQ(truncate(20, 1).value(), Offset{20});
  EXPECT_EQ(all_values().size(), 20);
}

TEST_F(ReplicaLogTest, a_look_up_by_time_does_not_find_truncated_records) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  std::string batches;
  for (int i = 0; i < 3'000; ++i) batches += led(batch_of("v", 1, 1'000 + i), i, 1);
  ASSERT_TRUE(follow(batches, 1, 3'000));
  ASSERT_TRUE(truncate(500, 1));
  batches.clear();
  for (int i = 500; i < 2'600; ++i) batches += led(batch_of("w", 1, 9'000 + i), i, 1);
  ASSERT_TRUE(follow(batches, 1, 2'600));
  auto reader = LogReader::open(*log_).value();
  ASSERT_TRUE(reader->begin_turn());
  EXPECT_EQ(offset_for_time(*reader, partition_, 1'400).value(), Offset{400});
  EXPECT_EQ(offset_for_time(*reader, partition_, 2'000).value(), Offset{500});
  EXPECT_EQ(offset_for_time(*reader, partition_, 9'900).value(), Offset{900});
}

// After a change of the leader, the new leader must know the same producers.
TEST_F(ReplicaLogTest, a_follower_remembers_producers) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(
      led(produced(batch_of("a", 2), 0), 0, 1) + led(produced(batch_of("b", 3), 2), 2, 1), 1, 5));
  become(ReplicaRole::Leader, 2);
  EXPECT_EQ(append(produced(batch_of("b", 3), 2), Acks::Leader).get()->at(0).base_offset, Offset{2})
      << "a batch that is sent again is there already";
  EXPECT_EQ(append(produced(batch_of("x"), 9), Acks::Leader).get().error().code,
            ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(append(produced(batch_of("c"), 5), Acks::Leader).get()->at(0).base_offset, Offset{5});
}

TEST_F(ReplicaLogTest, truncation_restores_the_earlier_state_of_producers) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  std::string batches;
  for (int i = 0; i < 20; ++i) batches += led(produced(batch_of("v"), i), i, 1);
  batches += led(produced(batch_of("w"), 0, 1), 20, 1);  // the producer has a new epoch
  ASSERT_TRUE(follow(batches, 1, 5));
  ASSERT_TRUE(truncate(10, 1));
  become(ReplicaRole::Leader, 2);
  // The state of the producer was truncated; its earlier batches are found in the log.
  EXPECT_EQ(append(produced(batch_of("v"), 9), Acks::Leader).get()->at(0).base_offset, Offset{9});
  EXPECT_EQ(append(produced(batch_of("v"), 11), Acks::Leader).get().error().code,
            ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(append(produced(batch_of("v"), 10), Acks::Leader).get()->at(0).base_offset, Offset{10});
}

// The records of a task may be trimmed, but its next sequence number must stay known.
TEST_F(ReplicaLogTest, the_state_of_tasks_follows_the_log) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  const int64_t task = kFirstTaskProducer.value() + 5;
  std::string batches;
  for (int i = 0; i < 10; ++i) batches += led(produced(batch_of("v", 2), 2 * i, 0, task), 2 * i, 1);
  ASSERT_TRUE(follow(batches, 1, 5));
  ASSERT_TRUE(truncate(8, 1));
  become(ReplicaRole::Leader, 2);
  const auto send = [&](int sequence) {
    return append(produced(batch_of("v", 2), sequence, 0, task), Acks::Leader).get();
  };
  EXPECT_EQ(send(10).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(send(2)->at(0).last_offset, Offset{7}) << "it is there";
  EXPECT_EQ(send(8)->at(0).base_offset, Offset{8});
  EXPECT_EQ(status().log_end(), Offset{10});
}

TEST_F(ReplicaLogTest, a_follower_that_is_too_far_behind_begins_where_its_leader_does) {
  make_partition();
  become(ReplicaRole::Leader, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(produced(batch_of("v"), i), Acks::Leader).get());
  ASSERT_TRUE(advance(3, 1));
  const std::string producers = replica_->producer_snapshot(partition_).value();

  const TopicPartition other{Uuid::random(), PartitionId{0}};
  ASSERT_TRUE(create_partitions_and_wait(*log_, other.topic, 1));
  const_cast<TopicPartition&>(partition_) = other;
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("old", 3), 0, 1), 1, 3));
  const auto start_at = [&](int64_t start, const std::string& snapshot) {
    return wait_for<Status>([&](auto done) {
      replica_->start_at(partition_, LeaderEpoch{1}, Offset{start}, snapshot, done);
    });
  };
  EXPECT_EQ(code_of(start_at(50, "nonsense")), ErrorCode::CorruptRecord);
  ASSERT_TRUE(start_at(50, producers));
  EXPECT_EQ(status().log_start(), Offset{50});
  EXPECT_EQ(status().log_end(), Offset{50});
  ASSERT_TRUE(follow(led(batch_of("new"), 50, 1), 1, 51));
  open();
  EXPECT_EQ(visible_values(), Values{"new0"});
  become(ReplicaRole::Leader, 2);
  EXPECT_EQ(append(produced(batch_of("v"), 7), Acks::Leader).get().error().code,
            ErrorCode::OutOfOrderSequence);
  EXPECT_TRUE(append(produced(batch_of("v"), 3), Acks::Leader).get());
}

// A follower that has all visible records may be the next leader, and invisible records are then lost with the old
// leader. An invisible batch that was reported as a duplicate would thus be lost.
TEST_F(ReplicaLogTest, invisible_batches_are_not_reported_as_duplicates) {
  make_partition();
  become(ReplicaRole::Leader, 1);
  const int64_t task = kFirstTaskProducer.value() + 5;
  const auto send = [&](int sequence, int64_t producer) {
    return append(produced(batch_of("v"), sequence, 0, producer), Acks::Leader).get();
  };
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(i, task));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(send(i, 7));
  ASSERT_TRUE(send(0, 8));
  ASSERT_TRUE(advance(6, 1));
  const std::string producers = replica_->producer_snapshot(partition_).value();
  ASSERT_TRUE(advance(10, 1));
  const std::string later = replica_->producer_snapshot(partition_).value();

  const_cast<TopicPartition&>(partition_) = {Uuid::random(), PartitionId{0}};
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(wait_for<Status>([&](auto done) {
    replica_->start_at(partition_, LeaderEpoch{1}, Offset{6}, producers, done);
  }));
  become(ReplicaRole::Leader, 2);
  EXPECT_EQ(send(7, task).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(send(5, task)->at(0).last_offset, Offset{5}) << "it is there, and was trimmed";
  EXPECT_EQ(send(6, task)->at(0).base_offset, Offset{6});
  EXPECT_EQ(send(0, 7)->at(0).base_offset, Offset{7});
  EXPECT_EQ(send(0, 8)->at(0).base_offset, Offset{8});

  const_cast<TopicPartition&>(partition_) = {Uuid::random(), PartitionId{0}};
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(wait_for<Status>(
      [&](auto done) { replica_->start_at(partition_, LeaderEpoch{1}, Offset{10}, later, done); }));
  become(ReplicaRole::Leader, 2);
  EXPECT_EQ(send(8, task)->at(0).base_offset, Offset{10});
  EXPECT_EQ(send(3, 7).error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(send(2, 7)->at(0).base_offset, Offset{11});
}

// After an unclean election, the new leader may begin at an earlier offset than this follower: it
// never had the records that were deleted here.
TEST_F(ReplicaLogTest, a_follower_begins_where_its_leader_does_also_further_in_front) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  const std::string producers = replica_->producer_snapshot(partition_).value();
  const auto start_at = [&](int64_t start) {
    return wait_for<Status>([&](auto done) {
      replica_->start_at(partition_, LeaderEpoch{1}, Offset{start}, producers, done);
    });
  };
  ASSERT_TRUE(start_at(50));
  ASSERT_TRUE(follow(led(batch_of("old"), 50, 1), 1, 51));
  ASSERT_TRUE(start_at(7));
  EXPECT_EQ(status().log_start(), Offset{7});
  ASSERT_TRUE(follow(led(batch_of("new"), 7, 1), 1, 8));
  open();
  EXPECT_EQ(visible_values(), Values{"new0"});
  EXPECT_EQ(status().log_start(), Offset{7});
}

// After an unclean election, the new leader may lack records of this follower, so the follower must not show them.
TEST_F(ReplicaLogTest,
       after_an_unclean_election_a_follower_shows_nothing_before_its_leaders_report) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("a"), 0, 1) + led(batch_of("lost"), 1, 1), 1, 2));
  EXPECT_EQ(visible_values(), (Values{"a0", "lost0"}));
  const auto follow_after_unclean = [&](int epoch, int unclean) {
    return wait_for<Status>([&](auto done) {
      replica_->set_role(partition_, ReplicaRole::Follower, LeaderEpoch{epoch}, done,
                         LeaderEpoch{unclean});
    });
  };
  // The unclean election took place in epoch 3, and a later leader follows in epoch 4.
  ASSERT_TRUE(follow_after_unclean(4, 3));
  EXPECT_EQ(status().high_watermark(), Offset{0});
  EXPECT_EQ(status().log_end(), Offset{2}) << "it is asked for what both have";
  disk_.drop_unsynced();
  open();
  EXPECT_EQ(visible_values(), Values{});
  EXPECT_EQ(truncate(1, 4).value(), Offset{1});
  EXPECT_EQ(visible_values(), Values{});
  ASSERT_TRUE(follow(led(batch_of("b"), 1, 3), 4, 2));
  EXPECT_EQ(visible_values(), (Values{"a0", "b0"}));
  // The leader has reported its high watermark since the unclean election. A later role under the same election
  // therefore keeps the high watermark.
  ASSERT_TRUE(follow_after_unclean(5, 3));
  EXPECT_EQ(visible_values(), (Values{"a0", "b0"}));
}

TEST_F(ReplicaLogTest, exchanges_are_replicated_likewise) {
  make_partition(PartitionKind::Internal);
  become(ReplicaRole::Follower, 1);
  ASSERT_TRUE(follow(led(batch_of("a"), 0, 1) + led(batch_of("b"), 1, 1), 1, 1));
  EXPECT_EQ(truncate(1, 1).value(), Offset{1});
  ASSERT_TRUE(follow(led(batch_of("c"), 1, 1), 1, 2));
  EXPECT_EQ(visible_values(), (Values{"a0", "c0"}));
}

// Acknowledged changes survive a power cut, and unacknowledged changes leave no trace.
TEST_F(ReplicaLogTest, follower_appends_and_truncations_survive_power_cuts) {
  make_partition();
  become(ReplicaRole::Follower, 2);
  ASSERT_TRUE(follow(led(batch_of("a"), 0, 1) + led(batch_of("b"), 1, 2), 2, 1));
  disk_.drop_unsynced();
  open();
  EXPECT_EQ(all_values(), (Values{"a0", "b0"}));
  EXPECT_EQ(status().role(), ReplicaRole::Follower);
  EXPECT_EQ(status().high_watermark(), Offset{1});
  EXPECT_EQ(end_of(1), (EpochEnd{LeaderEpoch{1}, Offset{1}}));

  ASSERT_TRUE(truncate(1, 2));
  disk_.drop_unsynced();
  open();
  EXPECT_EQ(all_values(), Values{"a0"});
  EXPECT_EQ(end_of(2), (EpochEnd{LeaderEpoch{1}, Offset{1}}));
}

// The node loses its replica. If it gets a replica again, none of the old records may count.
TEST_F(ReplicaLogTest, a_renewed_partition_has_nothing_of_its_former_contents) {
  make_partition();
  become(ReplicaRole::Leader, 3);
  auto waits = append(batch_of("a"));
  ASSERT_EQ(append(batch_of("b"), Acks::Leader).get().value().size(), 1u);
  const auto renew = [&](int epoch) {
    return wait_for<Status>(
        [&](auto done) { replica_->renew(partition_, LeaderEpoch{epoch}, done); });
  };
  EXPECT_EQ(code_of(renew(2)), ErrorCode::FencedLeaderEpoch);
  ASSERT_TRUE(renew(4));
  EXPECT_EQ(waits.get().error().code, ErrorCode::NotLeader);
  EXPECT_EQ(status().log_end(), Offset{0});
  EXPECT_EQ(status().role(), ReplicaRole::Follower);
  EXPECT_EQ(status().leader_epoch(), LeaderEpoch{4});
  EXPECT_EQ(append(batch_of("late"), Acks::Leader).get().error().code, ErrorCode::NotLeader);
  EXPECT_EQ(replica_->last_epoch(partition_).value(), std::nullopt);
  ASSERT_TRUE(renew(4));
  disk_.drop_unsynced();
  open();
  EXPECT_EQ(status().log_end(), Offset{0});
  ASSERT_TRUE(set_role(ReplicaRole::Follower, 5));
  ASSERT_TRUE(follow(led(batch_of("c"), 0, 1), 5, 1));
  EXPECT_EQ(all_values(), Values{"c0"});
  // The renewed partition can be dropped like any other.
  ASSERT_TRUE(wait_for<Status>([&](auto done) { log_->drop_topic(partition_.topic, done); }));
  EXPECT_EQ(log_->find_partition(partition_), nullptr);
}

// Names of tables are reused: the table of the old partition is removed later, and must not be the table of the new
// partition.
TEST_F(ReplicaLogTest, new_contents_of_a_renewed_partition_are_not_removed_with_the_old_ones) {
  make_partition();
  become(ReplicaRole::Follower, 1);
  const auto renew = [&] {
    return wait_for<Status>([&](auto done) { replica_->renew(partition_, LeaderEpoch{1}, done); });
  };
  for (int64_t others = kTableNames - 2; others <= kTableNames; ++others) {
    ASSERT_TRUE(create_partitions_and_wait(*log_, Uuid::random(), static_cast<int32_t>(others),
                                           PartitionKind::Client));
    ASSERT_TRUE(follow(led(batch_of("old"), 0, 1), 1, 1));
    ASSERT_TRUE(renew());
    ASSERT_TRUE(follow(led(batch_of("new"), 0, 1), 1, 1));
    wait_for_removals();
    EXPECT_EQ(all_values(), Values{"new0"}) << others << " others were made before";
    ASSERT_TRUE(renew());
    wait_for_removals();
  }
}

}  // namespace
}  // namespace storage
