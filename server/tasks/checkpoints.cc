#include "server/tasks/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "base/log.h"

namespace server {

// Outlives the task: the state store may answer later.
struct TaskCheckpoints::Shared {
  std::atomic<bool> on_its_way = false;
  std::atomic<bool> has_failed = false;
};

namespace {

std::string store_name(uint32_t store) { return fmt::format("{:04}", store); }

// UINT32_MAX when it is not the name of a store.
uint32_t store_number(std::string_view name) {
  uint32_t number = UINT32_MAX;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} ? number : UINT32_MAX;
}

}  // namespace

TaskCheckpoints::TaskCheckpoints(std::string task, storage::StateStore& state, storage::Log& log,
                                 const Clock& clock, CheckpointPace pace)
    : task_(std::move(task)),
      state_(state),
      log_(log),
      clock_(clock),
      pace_(pace),
      shared_(std::make_shared<Shared>()) {}

void TaskCheckpoints::add(TaskSequence sequence, engine::JournalEntry entry) {
  if (shared_->has_failed) return;  // it would only fill memory
  if (gathered_bytes_ == 0) since_us_ = clock_.monotonic_us();
  last_ = sequence;
  gathered_bytes_ += 64;
  for (const engine::InputPosition& moved : entry.positions) {
    const auto known =
        std::ranges::find_if(position_.positions, [&](const engine::InputPosition& position) {
          return position.input == moved.input && position.partition == moved.partition;
        });
    known == position_.positions.end() ? position_.positions.push_back(moved)
                                       : void(*known = moved);
  }
  if (!entry.scalars.empty()) position_.scalars = std::move(entry.scalars);
  for (engine::StateEntry& changed : entry.entries) {
    gathered_bytes_ += changed.key.size() + changed.value.size() + 16;
    if (changed.store >= changes_.size()) changes_.resize(changed.store + 1);
    StoreChanges& store = changes_[changed.store];
    switch (changed.kind) {
      case engine::StateEntry::Kind::DeleteBelow:
        store.removed_below = std::max(store.removed_below, changed.key);
        break;
      case engine::StateEntry::Kind::Put:
        store.entries.insert_or_assign(std::move(changed.key), std::move(changed.value));
        break;
      case engine::StateEntry::Kind::Delete:
        store.entries.insert_or_assign(std::move(changed.key), std::nullopt);
        break;
    }
  }
}

void TaskCheckpoints::tick() {
  if (gathered_bytes_ == 0 || shared_->on_its_way) return;
  const bool is_old = clock_.monotonic_us() - since_us_ > pace_.interval_ms * 1000;
  if (gathered_bytes_ >= static_cast<size_t>(pace_.journal_bytes) || is_old) begin();
}

void TaskCheckpoints::begin() {
  storage::Checkpoint checkpoint;
  checkpoint.task = task_;
  checkpoint.position = last_;
  checkpoint.scalars = engine::encode_journal(position_);
  for (uint32_t i = 0; i < changes_.size(); ++i) {
    StoreChanges& store = changes_[i];
    if (!store.removed_below.empty())
      checkpoint.removed_ranges.push_back({store_name(i), "", store.removed_below});
    for (auto& [key, value] : store.entries) {
      // A window that was forgotten never comes back: what was noted of it before goes too.
      if (key < store.removed_below) continue;
      checkpoint.entries.push_back({store_name(i), key, std::move(value)});
    }
  }
  shared_->on_its_way = true;
  std::function<void(Status)> done = [shared = shared_, &log = log_, task = task_,
                                      last = last_](Status status) {
    if (!status && status.error().code == ErrorCode::ShuttingDown) return;
    if (!status) {
      // What it held is in the journal alone now, which must not be trimmed: no more checkpoints
      // until the task is built anew.
      shared->has_failed = true;
      log_error("checkpoint failed, the journal is kept task={} error=\"{}\"", task,
                status.error().message);
      return;
    }
    log.trim_journal(task, last, [shared, task](Status trimmed) {
      if (!trimmed && trimmed.error().code != ErrorCode::ShuttingDown)
        log_warn("journal not trimmed task={} error=\"{}\"", task, trimmed.error().message);
      shared->on_its_way = false;
    });
  };
  if (!state_.try_checkpoint(checkpoint, done)) {
    // No room now: everything is put back and tried again at a later tick.
    for (storage::StateEntry& entry : checkpoint.entries)
      changes_[store_number(entry.store)].entries.insert_or_assign(entry.key,
                                                                   std::move(entry.value));
    shared_->on_its_way = false;
    return;
  }
  changes_.clear();
  gathered_bytes_ = 0;
}

Result<TaskSequence> load_task_state(
    const std::string& task, const storage::StateStore& state, const storage::Log& log,
    const std::function<Status(const engine::JournalEntry&)>& restore,
    TaskCheckpoints& checkpoints) {
  // The journal is read first: a checkpoint that is completed in between trims it, and what it
  // trims is in the checkpoint then. The other way round entries would be in neither.
  std::vector<std::pair<TaskSequence, std::string>> journal;
  const auto keep = [&](TaskSequence sequence, std::string_view bytes) -> Status {
    journal.emplace_back(sequence, bytes);
    return {};
  };
  TRY(log.read_journal(task, TaskSequence(0), keep));

  engine::JournalEntry one;
  one.entries.resize(1);
  const auto take = [&](std::string_view store, std::string_view key,
                        std::string_view value) -> Status {
    engine::StateEntry& entry = one.entries.front();
    entry.store = store_number(store);
    entry.key = key;
    entry.value = value;
    return restore(one);
  };
  const storage::CheckpointPosition checkpoint = TRY(state.load(task, take));
  TaskSequence last = checkpoint.position;
  if (!checkpoint.scalars.empty()) {
    engine::JournalEntry position = TRY(engine::decode_journal(checkpoint.scalars));
    TRY(restore(position));
    checkpoints.begin_after(last, std::move(position));
  }
  for (const auto& [sequence, bytes] : journal) {
    if (sequence <= checkpoint.position) continue;
    if (sequence != last + 1)
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} has a gap after entry {}", task, last.value())};
    engine::JournalEntry entry = TRY(engine::decode_journal(bytes));
    last = sequence;
    TRY(restore(entry));
    checkpoints.add(sequence, std::move(entry));
  }
  return last;
}

}  // namespace server
