// Tests replicas without readers: appends are durable at once and are written to the data file later
// (docs/adr/0102).
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "storage/log/log_core.h"
#include "storage/log/replica_log.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

constexpr LeaderEpoch kEpoch{3};
constexpr int kProducers = 3;

// The replica of a partition, in a directory of its own.
class Replica {
 public:
  Replica(std::string directory, const TopicPartition& partition) : partition_(partition) {
    LogOptions options;
    options.map_size_bytes = 256 << 20;
    log_ = Log::open(directory, std::move(options)).value();
    replica_.emplace(*log_);
  }
  void make(ReplicaRole role, LeaderEpoch epoch = kEpoch) {
    EXPECT_TRUE(create_partitions_and_wait(*log_, partition_.topic, 1));
    become(role, epoch);
  }
  void become(ReplicaRole role, LeaderEpoch epoch) {
    EXPECT_TRUE(
        wait_for<Status>([&](auto done) { replica_->set_role(partition_, role, epoch, done); }));
  }
  Result<Appended> append(int producer, int sequence) {
    std::string batch = batch_of("v" + std::to_string(sequence));
    records::set_producer(batch, {ProducerId{producer}, 0, sequence});
    AppendRequest request = append_of(partition_, std::move(batch));
    request.acks = Acks::Leader;
    return wait_for<Result<Appended>>(
        [&](AppendDone done) { ASSERT_TRUE(log_->try_append(request, done)); });
  }
  Result<Appended> follow(const SharedBytes& batches, Offset high_watermark) {
    FollowRequest request{partition_, kEpoch, batches, high_watermark};
    return wait_for<Result<Appended>>(
        [&](AppendDone done) { ASSERT_TRUE(replica_->try_follow(request, done)); });
  }
  Offset log_end() { return log_->find_partition(partition_)->log_end(); }
  std::string all() {
    auto reader = LogReader::open(*log_).value();
    EXPECT_TRUE(reader->begin_turn());
    std::string bytes;
    const auto batches = reader->read(partition_, Offset{0}, 1 << 30, ReadUpTo::LogEnd).value();
    for (const BatchRef& batch : batches) bytes += batch.bytes;
    return bytes;
  }
  // Returns the recent batches from a batch that begins an append.
  std::string recent(Offset from) {
    std::string bytes;
    for (const SharedBytes& piece : log_->core().recent().find(partition_, from, 1 << 20))
      bytes += piece.view();
    return bytes;
  }
  ReplicaLog& replica() { return *replica_; }

 private:
  const TopicPartition partition_;
  std::unique_ptr<Log> log_;
  std::optional<ReplicaLog> replica_;
};

void copy_as_after_a_crash(const ScratchDirectory& from, const ScratchDirectory& to) {
  for (const char* name : {"/log.mdb", "/log.journal"})
    std::filesystem::copy_file(from.path() + name, to.path() + name,
                               std::filesystem::copy_options::overwrite_existing);
}

TEST(DeferredReplicas, have_all_that_they_acknowledged_after_a_crash) {
  const TopicPartition partition{Uuid::random(), PartitionId{0}};
  const ScratchDirectory leader_disk, follower_disk, leader_crashed, follower_crashed;
  Replica leader(leader_disk.path(), partition), follower(follower_disk.path(), partition);
  leader.make(ReplicaRole::Leader);
  follower.make(ReplicaRole::Follower);
  constexpr int kRounds = 200;
  std::set<CommitId> led, followed;
  for (int round = 0; round < kRounds; ++round) {
    const Offset end = leader.log_end();
    for (int producer = 0; producer < kProducers; ++producer)
      led.insert(leader.append(producer, round).value().commit);
    // A follower that keeps up makes the following calls. None of them reads the store.
    EXPECT_EQ(follower.log_end(), end);
    if (round > 0) {
      EXPECT_EQ(follower.replica().last_epoch(partition).value(), kEpoch);
    }
    EXPECT_EQ(leader.replica().end_of_epoch(partition, kEpoch).value(),
              (EpochEnd{kEpoch, leader.log_end()}));
    const std::string batches = leader.recent(end);
    ASSERT_FALSE(batches.empty());
    followed.insert(follower.follow(batches, end).value().commit);
  }
  // Many appends share a commit of the data file. How many depends on the timing, too.
  EXPECT_LT(led.size(), size_t{kRounds} * kProducers * 9 / 10);
  EXPECT_LT(followed.size(), size_t{kRounds} * 9 / 10);
  copy_as_after_a_crash(leader_disk, leader_crashed);
  copy_as_after_a_crash(follower_disk, follower_crashed);

  Replica leader_again(leader_crashed.path(), partition),
      follower_again(follower_crashed.path(), partition);
  EXPECT_EQ(leader_again.log_end(), Offset{kRounds * kProducers});
  EXPECT_EQ(follower_again.log_end(), Offset{kRounds * kProducers});
  EXPECT_EQ(leader_again.all(), leader.all());
  EXPECT_EQ(follower_again.all(), leader.all());
  // The state of producers also survives in the replica that leads next.
  follower_again.become(ReplicaRole::Leader, kEpoch + 1);
  for (int producer = 0; producer < kProducers; ++producer)
    for (Replica* next : {&leader_again, &follower_again}) {
      const auto twice = next->append(producer, kRounds - 1);
      ASSERT_TRUE(twice) << twice.error().message;
      EXPECT_EQ(twice->batches.at(0).base_offset, Offset{(kRounds - 1) * kProducers + producer});
      EXPECT_TRUE(next->append(producer, kRounds));
      EXPECT_EQ(next->append(producer, kRounds + 5).error().code, ErrorCode::OutOfOrderSequence);
    }
}

// Recent batches are not served if they are from an older epoch, or if they were truncated.
TEST(DeferredReplicas, recent_batches_are_dropped_with_the_role) {
  const TopicPartition partition{Uuid::random(), PartitionId{0}};
  const ScratchDirectory disk;
  Replica replica(disk.path(), partition);
  replica.make(ReplicaRole::Leader);
  ASSERT_TRUE(replica.append(0, 0));
  ASSERT_TRUE(replica.append(0, 1));
  EXPECT_FALSE(replica.recent(Offset{0}).empty());
  replica.become(ReplicaRole::Follower, kEpoch + 1);
  EXPECT_TRUE(replica.recent(Offset{0}).empty());
  const auto end = wait_for<Result<Offset>>(
      [&](auto done) { replica.replica().truncate(partition, kEpoch + 1, Offset{1}, done); });
  EXPECT_EQ(end.value(), Offset{1});
  EXPECT_EQ(replica.replica().last_epoch(partition).value(), kEpoch);
  replica.become(ReplicaRole::Leader, kEpoch + 2);
  EXPECT_EQ(replica.replica().last_epoch(partition).value(), kEpoch);
  EXPECT_EQ(replica.replica().end_of_epoch(partition, kEpoch).value(),
            (EpochEnd{kEpoch, Offset{1}}));
  ASSERT_TRUE(replica.append(0, 1));
  EXPECT_EQ(replica.replica().last_epoch(partition).value(), kEpoch + 2);
  EXPECT_TRUE(replica.recent(Offset{0}).empty());
  EXPECT_FALSE(replica.recent(Offset{1}).empty());
}

}  // namespace
}  // namespace storage
