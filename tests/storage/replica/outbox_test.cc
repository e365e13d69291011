#include "storage/replica/outbox.h"

#include <deque>

#include "records/batch_builder.h"
#include "records/control_batch.h"
#include "storage/replica/journal_snapshot.h"
#include "storage/replica/plan_mark.h"

namespace storage {
namespace {

const TopicPartition kHere{Uuid{{1}}, PartitionId{0}}, kThere{Uuid{{1}}, PartitionId{1}};
constexpr int64_t kRetryUs = 100;

class OutboxTest : public testing::Test, public OutboxPort {
 protected:
  struct Sent {
    TopicPartition partition;
    std::string batch;
    uint64_t number;
  };
  void deliver(const TopicPartition& partition, std::string batch, uint64_t number) override {
    sent_.push_back({partition, std::move(batch), number});
  }
  static std::string batch(int32_t sequence, int count = 2) {
    records::BatchBuilder builder;
    for (int i = 0; i < count; ++i) builder.append(1, "k", std::to_string(sequence + i));
    return builder.finish(records::Codec::None, {ProducerId{7}, 0, sequence});
  }
  void commit(std::vector<TaskOutput> outputs, std::vector<DeliveredOutputs> delivered = {}) {
    outbox_->add({"task", TaskSequence{++sequence_}, "", std::move(outputs), std::move(delivered)});
    outbox_->tick();
  }
  Sent take() {
    EXPECT_EQ(sent_.size(), 1u);
    Sent sent = sent_.front();
    sent_.clear();
    return sent;
  }
  void pass(int64_t us) {
    clock_.advance_us(us);
    outbox_->tick();
  }

  SimulatedClock clock_;
  std::deque<Sent> sent_;
  int64_t sequence_ = 0;
  std::optional<Outbox> outbox_{std::in_place, *this, clock_, kRetryUs};
};

TEST_F(OutboxTest, outputs_to_a_partition_go_one_after_the_other) {
  commit({{kHere, batch(0)}});
  commit({{kHere, batch(2)}});
  const Sent first = take();
  EXPECT_EQ(first.batch, batch(0));
  EXPECT_GT(outbox_->undelivered_bytes("task"), 0u);
  outbox_->answered(first.number, {});
  const Sent second = take();
  EXPECT_EQ(second.batch, batch(2));
  outbox_->answered(second.number, {});
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(outbox_->undelivered_bytes("task"), 0u);
  const auto delivered = outbox_->take_delivered("task");
  ASSERT_EQ(delivered.size(), 1u);
  EXPECT_EQ(delivered[0].next_sequence, 4);
  EXPECT_TRUE(outbox_->take_delivered("task").empty()) << "told once";
}

// If each commit needed a message to another node and its answer, this would limit the speed of a
// query.
TEST_F(OutboxTest, gathered_outputs_are_sent_together) {
  commit({{kHere, batch(0)}});
  const Sent first = take();
  for (int sequence = 2; sequence <= 6; sequence += 2) commit({{kHere, batch(sequence)}});
  outbox_->answered(first.number, {});
  const Sent second = take();
  EXPECT_EQ(second.batch, batch(2) + batch(4) + batch(6));
  outbox_->answered(second.number, Error{ErrorCode::NotLeader, "no"});
  commit({{kHere, batch(8)}});
  pass(kRetryUs);
  const Sent third = take();
  EXPECT_EQ(third.batch, second.batch + batch(8));
  outbox_->answered(third.number, {});
  EXPECT_EQ(outbox_->take_delivered("task").at(0).next_sequence, 10);
  EXPECT_EQ(outbox_->undelivered_bytes("task"), 0u);
}

TEST_F(OutboxTest, a_delivery_has_a_bound) {
  commit({{kHere, batch(0)}});
  const Sent first = take();
  const int rows = 50'000;
  for (int i = 0; i < 4; ++i) commit({{kHere, batch(2 + i * rows, rows)}});
  outbox_->answered(first.number, {});
  size_t deliveries = 0;
  for (; !sent_.empty(); ++deliveries) {
    const Sent next = take();
    EXPECT_LE(next.batch.size(), 1u << 20);
    outbox_->answered(next.number, {});
  }
  EXPECT_GT(deliveries, 1u);
  EXPECT_EQ(outbox_->take_delivered("task").at(0).next_sequence, 2 + 4 * rows);
}

TEST_F(OutboxTest, one_partition_does_not_wait_for_another) {
  commit({{kHere, batch(0)}, {kThere, batch(0)}});
  ASSERT_EQ(sent_.size(), 2u);
  outbox_->answered(sent_[1].number, {});
  commit({{kThere, batch(2)}});
  EXPECT_EQ(sent_.back().batch, batch(2));
}

TEST_F(OutboxTest, a_refused_or_unanswered_delivery_is_repeated_unchanged) {
  commit({{kHere, batch(0)}});
  const Sent first = take();
  outbox_->answered(first.number, Error{ErrorCode::NotLeader, "no"});
  outbox_->tick();
  EXPECT_TRUE(sent_.empty()) << "not at once";
  pass(kRetryUs);
  const Sent second = take();
  EXPECT_EQ(second.batch, first.batch);
  pass(100 * kRetryUs);
  EXPECT_EQ(take().batch, first.batch);
  outbox_->answered(second.number, {});
  EXPECT_GT(outbox_->undelivered_bytes("task"), 0u) << "that was given up";
}

TEST_F(OutboxTest, the_next_owner_repeats_deliveries_with_an_unknown_outcome) {
  commit({{kHere, batch(0)}});
  commit({{kHere, batch(2)}}, {{kHere, 2}});
  commit({{kHere, batch(4)}});
  const uint64_t before = sent_.back().number;
  clock_.advance_us(1'000);
  sent_.clear();
  outbox_.emplace(*this, clock_, kRetryUs);
  // The outbox gets these commits while the journal is being read after a start, and must send
  // nothing meanwhile.
  outbox_->add({"task", TaskSequence{1}, "", {{kHere, batch(0)}}, {}});
  outbox_->add({"task", TaskSequence{2}, "", {{kHere, batch(2)}}, {{kHere, 2}}});
  outbox_->add({"task", TaskSequence{3}, "", {{kHere, batch(4)}}, {}});
  outbox_->answered(before, {});
  outbox_->tick();
  EXPECT_EQ(take().batch, batch(2) + batch(4));
}

TEST_F(OutboxTest, the_next_owner_repeats_deliveries_also_where_sequences_start_over) {
  const int32_t last = INT32_MAX - 1;
  outbox_->add({"task", TaskSequence{1}, "", {{kHere, batch(last)}}, {}});
  outbox_->add({"task", TaskSequence{2}, "", {{kHere, batch(0)}}, {}});
  outbox_->add({"task", TaskSequence{3}, "", {}, {{kHere, last}}});
  outbox_->tick();
  EXPECT_EQ(take().batch, batch(last) + batch(0));
}

TEST(JournalEntry, is_read_as_it_was_written) {
  const ReplicatedCommit commit{"q/0/1",
                                TaskSequence{5},
                                std::string("e\0try", 5),
                                {{kHere, "batch"}, {kThere, ""}},
                                {{kThere, 17}}};
  const std::string bytes = encode(commit);
  const auto read = read_replicated_commit(bytes).value();
  EXPECT_EQ(read, commit);
  EXPECT_EQ(read_replicated_commit(epoch_start_batch()).value(), std::nullopt);

  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(read_replicated_commit(bytes.substr(0, size)));
  records::BatchBuilder builder;
  builder.append(1, "task", "short");
  EXPECT_FALSE(read_replicated_commit(builder.finish()));
  builder.append(1, "task", "12345678entry");
  builder.append(1, "x", "");
  EXPECT_FALSE(read_replicated_commit(builder.finish()));
}

TEST_F(OutboxTest, the_first_commit_that_is_not_delivered_is_known) {
  EXPECT_EQ(outbox_->first_undelivered(), std::nullopt);
  outbox_->add({"task", TaskSequence{1}, "", {{kHere, batch(0)}, {kThere, batch(0)}}, {}},
               Offset{10});
  outbox_->tick();
  outbox_->add({"task", TaskSequence{2}, "", {{kHere, batch(2)}}, {}}, Offset{20});
  ASSERT_EQ(sent_.size(), 2u);
  const Sent here = sent_[0].partition == kHere ? sent_[0] : sent_[1];
  const Sent there = sent_[0].partition == kHere ? sent_[1] : sent_[0];
  outbox_->answered(here.number, {});
  EXPECT_EQ(outbox_->first_undelivered(), Offset{10});
  outbox_->answered(there.number, {});
  EXPECT_EQ(outbox_->first_undelivered(), Offset{20});
}

TEST(JournalEntry, a_commit_is_read_as_it_was_written) {
  ReplicatedCommit commit{"q/1/2", TaskSequence{7}, "entry", {{kHere, "output"}}, {{kThere, 5}}};
  commit.exchanged.push_back({kThere, "rows"});
  commit.consumed.push_back({kHere, Offset{9}});
  commit.planned_at = Revision{11};
  EXPECT_EQ(*read_replicated_commit(encode(commit)).value(), commit);
  EXPECT_FALSE(read_delivered_mark(encode(commit)));
}

TEST(JournalEntry, other_entries_are_recognized_as_such) {
  EXPECT_EQ(read_replicated_commit(epoch_start_batch()).value(), std::nullopt);
  EXPECT_EQ(read_delivered_mark(epoch_start_batch()), std::nullopt);
  EXPECT_EQ(read_replicated_commit(delivered_mark(Offset{4})).value(), std::nullopt);
  EXPECT_EQ(read_delivered_mark(delivered_mark(Offset{4})), Offset{4});
  const std::string marker =
      records::marker_batch(ProducerId{1}, 0, {records::TransactionEnd::Commit, 0}, 1'000);
  EXPECT_EQ(read_replicated_commit(marker).value(), std::nullopt);
  EXPECT_EQ(read_delivered_mark(marker), std::nullopt);
}

TEST(JournalEntry, a_plan_mark_is_no_other_entry) {
  const std::string mark = plan_mark(Revision{300});
  EXPECT_EQ(read_plan_mark(mark), Revision{300});
  EXPECT_EQ(read_replicated_commit(mark).value(), std::nullopt);
  EXPECT_EQ(read_delivered_mark(mark), std::nullopt);
  EXPECT_EQ(read_snapshot_piece(mark).value(), std::nullopt);
  const std::string piece = encode(SnapshotPiece{.snapshot = 1, .content = "c"});
  for (const std::string& other : {epoch_start_batch(), delivered_mark(Offset{4}), piece})
    EXPECT_EQ(read_plan_mark(other), std::nullopt);
}

}  // namespace
}  // namespace storage
