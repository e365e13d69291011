#include "server/tasks/log_ports.h"

#include <algorithm>
#include <cassert>

#include "records/batch.h"
#include "storage/log/task_journal.h"

namespace server {

Result<std::unique_ptr<LogSources>> LogSources::open(storage::Log& log) {
  auto reader = TRY(storage::LogReader::open(log));
  return std::unique_ptr<LogSources>(new LogSources(std::move(reader)));
}

Result<std::vector<engine::Polled>> LogSources::poll(
    std::span<const std::pair<engine::PartitionRef, Offset>> positions, size_t max_bytes) {
  // Several partitions are read from one snapshot, because the engine compares them.
  TRY(reader_->begin_turn(positions.size() == 1 ? storage::Snapshot::WhenNeeded
                                                : storage::Snapshot::AtOnce));
  in_turn_ = true;
  std::vector<engine::Polled> polled;
  // A position of INT64_MAX only asks for the end of the partition, so it gets no share of
  // `max_bytes`.
  const auto asked = static_cast<size_t>(std::ranges::count_if(
      positions, [](const auto& position) { return position.second < Offset(INT64_MAX); }));
  for (const auto& [partition, next] : positions) {
    Result<engine::Polled> one =
        poll_one(to_storage(partition), next, max_bytes / std::max<size_t>(asked, 1));
    if (one)
      polled.push_back(std::move(one).take());
    else
      polled.emplace_back().status = std::move(one).error();
  }
  return polled;
}

Result<engine::Polled> LogSources::poll_one(const storage::TopicPartition& partition, Offset next,
                                            size_t max_bytes) {
  engine::Polled polled;
  polled.log_start = TRY(reader_->log_start(partition));
  polled.readable_end = TRY(reader_->last_stable_offset(partition));
  next = std::max(next, polled.log_start);
  if (next >= polled.readable_end) return polled;
  for (const storage::BatchRef& batch :
       TRY(reader_->read(partition, next, max_bytes, storage::ReadUpTo::LastStable)))
    polled.batches.push_back({batch.bytes, batch.base_offset, batch.last_offset});
  if (!polled.batches.empty()) TRY(hide_aborted(partition, polled.batches));
  return polled;
}

// Hides aborted batches and control batches from the task. Control batches are hidden in any case,
// because they remain in the log even after the log has forgotten their transactions. A batch that
// cannot be read is not hidden, so that the decoder reports the error.
Status LogSources::hide_aborted(const storage::TopicPartition& partition,
                                std::vector<engine::LogBatch>& batches) {
  std::vector<std::pair<engine::LogBatch*, records::BatchHeader>> transactional;
  for (engine::LogBatch& batch : batches) {
    const auto view = records::parse_batch(batch.bytes, records::BatchCheck::Shape);
    if (!view) continue;
    batch.is_hidden = view->header.is_control();
    if (!batch.is_hidden && view->header.is_transactional())
      transactional.emplace_back(&batch, view->header);
  }
  if (transactional.empty()) return {};
  const storage::AbortedBatches aborted(TRY(
      reader_->aborted(partition, batches.front().base_offset, batches.back().last_offset + 1)));
  for (const auto& [batch, header] : transactional) batch->is_hidden = aborted.contains(header);
  return {};
}

void LogSources::release() {
  if (in_turn_) reader_->end_turn();
  in_turn_ = false;
}

bool LogSink::try_commit(engine::TaskCommit& commit, engine::CommitDone& done) {
  if (!commit.sealed) {
    commit.sealed = {storage::journal_batch(commit.task, commit.sequence, commit.journal),
                     commit.journal.size()};
    commit.journal = {};
  }
  storage::TaskCommit request{
      commit.task, commit.epoch, commit.sequence, std::move(commit.sealed->journal), {}, {}};
  for (engine::OutputBatch& output : commit.outputs)
    request.outputs.push_back({to_storage(output.to), std::move(output.bytes)});
  for (const auto& [partition, end] : commit.trims)
    request.trims.push_back({to_storage(partition), end});
  storage::AppendDone answer = [this, done, task = commit.task, sequence = commit.sequence,
                                entry_bytes =
                                    commit.sealed->entry_bytes](Result<storage::Appended> result) {
    loop_.post([this, done, task, sequence, entry_bytes, result = std::move(result)]() mutable {
      if (!result) return done(std::move(result).error());
      const storage::AppendedBatch& journalled = result->batches.back();
      assert(journalled.partition.topic == storage::kTaskJournal);
      on_durable_({task, journalled.partition.partition, journalled.last_offset, sequence,
                   entry_bytes, result->commit});
      done(result->commit);
    });
  };
  if (log_.try_commit(request, answer)) return true;
  for (size_t i = 0; i < commit.outputs.size(); ++i)
    commit.outputs[i].bytes = std::move(request.outputs[i].batches);
  commit.sealed->journal = std::move(request.journal);
  if (!waits_for_room_) {
    waits_for_room_ = true;
    log_.when_room([this] {
      loop_.post([this] {
        waits_for_room_ = false;
        on_room_();
      });
    });
  }
  return false;
}

}  // namespace server
