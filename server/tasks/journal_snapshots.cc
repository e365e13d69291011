#include "server/tasks/journal_snapshots.h"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "server/tasks/journal_content.h"
#include "server/tasks/journal_tail.h"
#include "storage/log/partition_snapshot.h"
#include "storage/log/task_journal.h"
#include "storage/state/state_reader.h"

namespace server {

namespace {

constexpr int64_t kLookUs = 500'000, kPauseAfterFailureUs = 5'000'000;
constexpr std::chrono::milliseconds kAnswerPoll(100);
constexpr int64_t kTimesTheLast = 2;

Error not_now(std::string_view why) {
  return {ErrorCode::ObjectState, fmt::format("there is no snapshot of the journal now: {}", why)};
}

}  // namespace

// All of it as of one moment.
struct JournalSnapshots::Source {
  ReplicatedJournals::Contents contents;
  int64_t number;  // of the snapshot
  int32_t pieces = 0;
  size_t bytes = 0;                             // that are written
  std::map<std::string, Offset> first_entries;  // of the tasks, in their journals
  std::map<PartitionId, std::unique_ptr<storage::JournalReader>> journals;
  std::map<std::string, storage::CheckpointPosition> positions;
  std::map<std::string, std::set<std::string>> stores;  // that checkpoints have, of each task
  std::unique_ptr<storage::StateReader> state;          // in a turn
  std::unique_ptr<storage::PartitionSnapshot> exchanges;

  Source() = default;
  Source(const Source&) = delete;
  ~Source() {
    if (state) state->end_turn();
  }
};

void JournalSnapshots::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void JournalSnapshots::stop_thread() {
  {
    const std::lock_guard lock(mutex_);
    must_stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// False when it is over.
bool JournalSnapshots::rest(int64_t us) {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, std::chrono::microseconds(us), [this] { return must_stop_; });
}

void JournalSnapshots::run() {
  while (rest(kLookUs))
    for (PartitionId journal{0}; journal < PartitionId{storage::kReplicatedJournals}; ++journal) {
      if (!is_due(journal)) continue;
      const int64_t begun_us = clock_.monotonic_us();
      const Result<size_t> written = write(journal);
      not_before_us_[journal] = clock_.monotonic_us() + (written ? 0 : kPauseAfterFailureUs);
      if (written)
        log_info("a snapshot of a journal is written journal={} bytes={} ms={}", journal.value(),
                 *written, (clock_.monotonic_us() - begun_us) / 1000);
      else if (written.error().code == ErrorCode::ObjectState)
        log_debug("{} journal={}", written.error().message, journal.value());
      else if (written.error().code != ErrorCode::ShuttingDown)
        log_warn("a snapshot of a journal is not written, tried again journal={} error=\"{}\"",
                 journal.value(), written.error().message);
    }
}

bool JournalSnapshots::is_due(PartitionId journal) {
  const auto term = journals_.term(journal);
  const auto status = log_.find_partition({storage::kReplicatedJournal, journal});
  if (!term || !status) return false;
  const auto last_one = last_.find(journal);
  if (last_one != last_.end() && last_one->second.term == *term &&
      status->log_start() < last_one->second.place)
    return false;
  const auto pause = not_before_us_.find(journal);
  if (pause != not_before_us_.end() && clock_.monotonic_us() < pause->second) return false;
  const auto last = static_cast<int64_t>(journals_.snapshot_bytes(journal));
  // What its queries had before it began lies nowhere but here (docs/adr/0094).
  if (last == 0 && status->log_start() > Offset{0}) return true;
  if (!reader_) {
    auto reader = storage::LogReader::open(log_);
    if (!reader) return false;
    reader_ = *std::move(reader);
  }
  if (!reader_->begin_turn()) return false;
  const auto size = reader_->size_bytes({storage::kReplicatedJournal, journal});
  reader_->end_turn();
  return size && static_cast<int64_t>(*size) > kTimesTheLast * last + least_bytes_;
}

Result<size_t> JournalSnapshots::write(PartitionId journal) {
  const auto source = TRY(open_source(journal));
  TRY(write(journal, *source));
  return source->bytes;
}

// While nothing is carried out: so all that is opened is of the same moment. A checkpoint may be completed meanwhile; what
// it trims is in the journal that was opened before.
Result<std::unique_ptr<JournalSnapshots::Source>> JournalSnapshots::open_source(
    PartitionId journal) {
  auto source = std::make_unique<Source>();
  const ReplicatedJournals::Pause pause(journals_, {journal});
  auto contents = journals_.contents(pause, journal);
  if (!contents) return not_now("not all of its queries run here");
  source->contents = *std::move(contents);
  source->number = static_cast<int64_t>(random_() >> 1);
  std::map<std::string, storage::Log::StoredTask> stored;
  for (storage::Log::StoredTask& task : TRY(log_.tasks())) stored.emplace(task.id, std::move(task));
  for (const std::string& id : source->contents.tasks) {
    const auto task = stored.find(id);
    if (task == stored.end() || task->second.damage) return not_now("a task is not whole");
    source->first_entries.emplace(id, task->second.first_entry);
    auto& reader = source->journals[task->second.journal];
    if (!reader) reader = TRY(open_journal(log_, state_, task->second.journal));
  }
  TRY(open_state(*source));
  std::vector<storage::TopicPartition> exchanges;
  for (const DefinedQueryPtr& query : source->contents.queries)
    for (const Uuid& id : query->exchange_ids)
      for (PartitionId number{0}; log_.find_partition({id, number}); ++number)
        exchanges.push_back({id, number});
  source->exchanges = TRY(storage::PartitionSnapshot::open(log_, exchanges));
  return source;
}

// What the reader sees has the positions that were there before and after it was opened, where they are the same.
Status JournalSnapshots::open_state(Source& source) {
  constexpr int kAttempts = 20;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    source.positions.clear();
    for (const std::string& id : source.contents.tasks)
      source.positions.emplace(id, TRY(state_.position_of(id)));
    auto state = state_.open_reader();
    TRY(state->begin_turn());
    source.state = std::move(state);
    bool is_same = true;
    for (const std::string& id : source.contents.tasks) {
      const auto note = [&](std::string_view store) {
        source.stores[id].emplace(store);
        return false;
      };
      const auto now = TRY(state_.load(id, note, {}));
      is_same &= now.position == source.positions.at(id).position;
    }
    if (is_same) return {};
    source.state->end_turn();
    source.state.reset();
  }
  return not_now("checkpoints follow each other too quickly");
}

Status JournalSnapshots::write_state(Source& source, JournalContentWriter& writer) {
  for (const std::string& id : source.contents.tasks) {
    TRY(writer.task(id, source.positions.at(id)));
    for (const std::string& store : source.stores[id]) {
      const auto row = TRY(source.state->find_store(id, store));
      if (!row) continue;  // made since
      TRY(writer.store(store));
      std::string place;
      Status written;
      TRY(source.state->scan(*row, place, [&](std::string_view key, std::string_view value) {
        written = writer.entry(key, value);
        return written.has_value();
      }));
      TRY(std::move(written));
    }
  }
  return {};
}

Status JournalSnapshots::write(PartitionId journal, Source& source) {
  JournalContentWriter writer(
      [&](std::string piece) { return write_piece(journal, source, false, std::move(piece)); });
  for (const DefinedQueryPtr& query : source.contents.queries)
    TRY(writer.query(query->plan->id, query->made_at));
  TRY(write_state(source, writer));
  std::map<std::string, TaskSequence, std::less<>> positions;
  for (const auto& [id, position] : source.positions) positions.emplace(id, position.position);
  for (const auto& [number, reader] : source.journals) {
    Offset first{INT64_MAX};
    for (const auto& [id, its_first] : source.first_entries)
      if (storage::journal_of(id) == number) first = std::min(first, its_first);
    const auto take = [&](const storage::JournalRecord& record) -> Status {
      const auto position = positions.find(record.task);
      if (position == positions.end() || record.sequence <= position->second ||
          record.offset < source.first_entries.at(position->first))
        return {};
      TRY(check_follows(position->second, record.sequence, record.task));
      position->second = record.sequence;
      return writer.commit(record.task, record.sequence, record.entry);
    };
    TRY(reader->read(first, take));
  }
  const auto& heads = source.exchanges->heads();
  for (size_t i = 0; i < heads.size(); ++i) {
    TRY(writer.partition(heads[i]));
    TRY(source.exchanges->read(i, [&](std::string_view batch) { return writer.batch(batch); }));
  }
  TRY(write_piece(journal, source, true, writer.finish()));
  last_[journal] = {source.contents.term, source.contents.place.next};
  return {};
}

// Waits until it is visible: no more is on its way than one. The answer may come after this has given up.
Status JournalSnapshots::write_piece(PartitionId journal, Source& source, bool is_last,
                                     std::string content) {
  const int64_t begun_us = clock_.monotonic_us();
  source.bytes += content.size();
  const auto written = std::make_shared<std::promise<bool>>();
  auto answer = written->get_future();
  const storage::SnapshotPiece piece{
      source.number, source.pieces++, is_last, source.contents.place, {}};
  pieces_.write_piece(journal, source.contents.term, piece, std::move(content),
                      [written](bool is) { written->set_value(is); });
  while (answer.wait_for(kAnswerPoll) != std::future_status::ready)
    if (!rest(0)) return Error{ErrorCode::ShuttingDown, "the server is shutting down"};
  if (!answer.get()) return not_now("another node leads it");
  if (!rest(is_last ? 0 : clock_.monotonic_us() - begun_us))
    return Error{ErrorCode::ShuttingDown, "the server is shutting down"};
  return {};
}

}  // namespace server
