#include "server/tasks/journal_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/tasks/journal_content.h"
#include "server/tasks/journal_tail.h"

namespace server {

namespace {

Error not_now(std::string_view why) {
  return {ErrorCode::ObjectState,
          fmt::format("a snapshot of the journal is not possible now: {}", why)};
}

}  // namespace

JournalSource::~JournalSource() {
  if (reader_) reader_->end_turn();
}

// A checkpoint may complete during the call, and remove entries from the journals. The journals are
// opened first, so their snapshots still contain these entries.
Result<std::unique_ptr<JournalSource>> JournalSource::open(storage::Log& log,
                                                           storage::StateStore& state,
                                                           std::vector<DefinedQueryPtr> queries,
                                                           std::vector<std::string> tasks) {
  std::unique_ptr<JournalSource> source(new JournalSource());
  source->queries_ = std::move(queries);
  source->tasks_ = std::move(tasks);
  std::map<std::string, storage::Log::StoredTask> stored;
  for (storage::Log::StoredTask& task : TRY(log.tasks())) stored.emplace(task.id, std::move(task));
  for (const std::string& id : source->tasks_) {
    const auto task = stored.find(id);
    if (task == stored.end() || task->second.damage)
      return not_now("the state of a task is incomplete");
    source->first_entries_.emplace(id, task->second.first_entry);
    auto& reader = source->journals_[task->second.journal];
    if (!reader) reader = TRY(open_journal(log, state, task->second.journal));
  }
  TRY(source->open_state(state));
  std::vector<storage::TopicPartition> exchanges;
  for (const DefinedQueryPtr& query : source->queries_)
    for (const Uuid& id : query->exchange_ids)
      for (PartitionId number{0}; log.find_partition({id, number}); ++number)
        exchanges.push_back({id, number});
  source->exchanges_ = TRY(storage::PartitionSnapshot::open(log, exchanges));
  return source;
}

// Opens a reader of checkpoints, and reads the positions of the tasks. The positions are read
// before the reader is opened; if a checkpoint has changed them in between, both steps are
// repeated.
Status JournalSource::open_state(storage::StateStore& state) {
  constexpr int kAttempts = 20;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    positions_.clear();
    for (const std::string& id : tasks_) positions_.emplace(id, TRY(state.position_of(id)));
    auto reader = state.open_reader();
    TRY(reader->begin_turn());
    reader_ = std::move(reader);
    bool is_same = true;
    for (const std::string& id : tasks_) {
      const auto note = [&](std::string_view store) {
        stores_[id].emplace(store);
        return false;
      };
      const auto now = TRY(state.load(id, note, {}));
      is_same &= now.position == positions_.at(id).position;
    }
    if (is_same) return {};
    reader_->end_turn();
    reader_.reset();
  }
  return not_now("checkpoints follow each other too quickly");
}

Status JournalSource::write(JournalContentWriter& writer,
                            std::span<const storage::JournalRecord> newer) const {
  for (const DefinedQueryPtr& query : queries_)
    TRY(writer.query(query->plan->id, query->planned_at));
  TRY(write_state(writer));
  TRY(write_commits(writer, newer));
  const auto& heads = exchanges_->heads();
  for (size_t i = 0; i < heads.size(); ++i) {
    TRY(writer.partition(heads[i]));
    TRY(exchanges_->read(i, [&](std::string_view batch) { return writer.batch(batch); }));
  }
  return {};
}

Status JournalSource::write_state(JournalContentWriter& writer) const {
  for (const std::string& id : tasks_) {
    TRY(writer.task(id, positions_.at(id)));
    const auto stores = stores_.find(id);
    if (stores == stores_.end()) continue;
    for (const std::string& store : stores->second) {
      const auto row = TRY(reader_->find_store(id, store));
      if (!row) continue;  // the store was created after the snapshot
      TRY(writer.store(store));
      std::string place;
      Status written;
      TRY(reader_->scan(*row, place, [&](std::string_view key, std::string_view value) {
        written = writer.entry(key, value);
        return written.has_value();
      }));
      TRY(std::move(written));
    }
  }
  return {};
}

Status JournalSource::write_commits(JournalContentWriter& writer,
                                    std::span<const storage::JournalRecord> newer) const {
  std::map<std::string, TaskSequence, std::less<>> positions;
  for (const auto& [id, position] : positions_) positions.emplace(id, position.position);
  const auto take = [&](const storage::JournalRecord& record) -> Status {
    const auto position = positions.find(record.task);
    if (position == positions.end() || record.sequence <= position->second) return {};
    TRY(check_follows(position->second, record.sequence, record.task));
    position->second = record.sequence;
    return writer.commit(record.task, record.sequence, record.entry);
  };
  for (const auto& [number, reader] : journals_) {
    Offset first{INT64_MAX};
    for (const auto& [id, its_first] : first_entries_)
      if (storage::journal_of(id) == number) first = std::min(first, its_first);
    TRY(reader->read(first, [&](const storage::JournalRecord& record) -> Status {
      const auto its_first = first_entries_.find(std::string(record.task));
      if (its_first == first_entries_.end() || record.offset < its_first->second) return {};
      return take(record);
    }));
  }
  for (const storage::JournalRecord& record : newer) TRY(take(record));
  return {};
}

}  // namespace server
