#include "tests/engine/exec/crashable_log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "records/batch.h"

namespace engine {

bool CrashableLog::answer_one() {
  if (on_their_way_.empty()) return false;
  OnItsWay next = std::move(on_their_way_.front());
  on_their_way_.pop_front();
  std::vector<Journalled>& journal = journals_[next.commit.task];
  const TaskSequence last = journal.empty() ? TaskSequence{0} : journal.back().sequence;
  EXPECT_EQ(next.commit.sequence, last + 1) << next.commit.task;
  journal.push_back({next.commit.sequence, std::move(next.commit.journal)});
  for (OutputBatch& output : next.commit.outputs) {
    const auto batch = records::parse_batch(output.bytes, records::BatchCheck::ShapeAndCrc).value();
    if (batch.header.producer_id != records::kNoProducer) {
      int32_t& sequence = next_sequences_[{batch.header.producer_id, output.to}];
      EXPECT_EQ(batch.header.base_sequence, sequence) << next.commit.task;
      sequence += batch.header.last_offset_delta + 1;
    }
    topics_.append(output.to, std::move(output.bytes));
  }
  next.done(++last_commit_);
  return true;
}

bool CrashableLog::answer_all() {
  bool any = false;
  while (answer_one()) any = true;
  return any;
}

void CrashableLog::refuse_all(const Error& error) {
  for (OnItsWay& one : std::exchange(on_their_way_, {})) one.done(error);
}

Result<std::vector<Polled>> CrashableLog::poll(
    std::span<const std::pair<PartitionRef, Offset>> positions, size_t max_bytes) {
  if (read_error_) return *read_error_;
  Result<std::vector<Polled>> polled = topics_.poll(positions, max_bytes);
  for (size_t i = 0; polled && i < positions.size(); ++i)
    if (const auto broken = broken_.find(positions[i].first); broken != broken_.end()) {
      (*polled)[i] = {};
      (*polled)[i].status = broken->second;
    }
  if (!takes_back_ || !polled) return polled;
  for (Polled& one : *polled)
    for (const LogBatch& batch : one.batches) lent_.emplace_back(batch.bytes);
  size_t next = 0;
  for (Polled& one : *polled)
    for (LogBatch& batch : one.batches) batch.bytes = lent_[next++];
  return polled;
}

void CrashableLog::release() {
  topics_.release();
  for (std::string& bytes : lent_) std::ranges::fill(bytes, '#');
  lent_.clear();
}

bool CrashableLog::try_commit(TaskCommit& commit, CommitDone& done) {
  if (is_full_) return false;
  size_t size = commit.journal.size();
  for (const OutputBatch& output : commit.outputs) {
    size += output.bytes.size();
    largest_output_ = std::max(largest_output_, output.bytes.size());
  }
  largest_commit_ = std::max(largest_commit_, size);
  on_their_way_.push_back({std::move(commit), std::move(done)});
  return true;
}

}  // namespace engine
