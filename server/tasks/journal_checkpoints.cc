#include "server/tasks/checkpoints.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <charconv>

#include "base/log.h"

namespace server {

namespace {

constexpr int64_t kFirstDelayMs = 200, kLongestDelayMs = 3'000;
// Of one part: what is copied out of the frozen changes at a time.
constexpr size_t kPartKeys = 32'768, kPartBytes = 4 << 20;
// As much is made ready on the loop itself, without waiting for the state writer to ask for it.
constexpr size_t kSmallBytes = 16 << 10;
// Changes are gathered in pieces of about this size.
constexpr size_t kPieceBytes = 256 << 10;

std::string store_name(uint32_t store) { return fmt::format("{:04}", store); }

// UINT32_MAX when it is not the name of a store.
uint32_t store_number(std::string_view name) {
  uint32_t number = UINT32_MAX;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} ? number : UINT32_MAX;
}

}  // namespace

// --- The lane

bool CheckpointLane::may_try() const {
  std::lock_guard lock(mutex_);
  return delay_ms_ == 0 || clock_.monotonic_us() >= retry_at_us_;
}

void CheckpointLane::note_failure(const std::string& task, const Error& error) {
  std::lock_guard lock(mutex_);
  const int64_t now_us = clock_.monotonic_us();
  // Those that were on their way together fail together: they are one failure.
  if (delay_ms_ == 0 || now_us >= retry_at_us_) {
    delay_ms_ = delay_ms_ == 0 ? kFirstDelayMs : std::min(delay_ms_ * 2, kLongestDelayMs);
    retry_at_us_ = now_us + delay_ms_ * 1000;
  }
  if (!log_rate_.allows(now_us)) return;
  log_error("checkpoint failed, the journal is kept task={} error=\"{}\" not_shown={}", task,
            error.message, log_rate_.take_suppressed());
}

void CheckpointLane::note_success() {
  std::lock_guard lock(mutex_);
  delay_ms_ = 0;
}

// --- What is on its way

// Invariant: only one thread at a time has it: the state writer's while it is Writing, else the
// shard's.
struct TaskCheckpoints::Frozen : std::enable_shared_from_this<Frozen> {
  enum class Phase : uint8_t { Stuck, Writing, Finished };
  // The newest change of a key.
  struct Change {
    std::string_view key, value;
    uint32_t store;
    bool is_put;
  };

  Frozen(std::string its_task, std::shared_ptr<CheckpointLane> its_lane)
      : task(std::move(its_task)), lane(std::move(its_lane)) {}

  void write_next();
  void sort();
  void find_newest();
  storage::Checkpoint next_part();
  void answered(const Status& status);
  void trim();
  size_t byte_count() const {
    size_t count = 0;
    for (const std::string& piece : changes) count += piece.size();
    return count;
  }

  const std::string task;
  const std::shared_ptr<CheckpointLane> lane;
  std::vector<std::string> changes;
  TaskSequence position, position_before;
  std::string scalars, scalars_before;
  std::atomic<Phase> phase{Phase::Stuck};
  std::mutex mutex;
  bool is_abandoned = false;  // guarded by mutex

  bool ranges_are_sent = false, is_sorted = false, last_is_sent = false;
  std::vector<std::string> store_names, removed_below;  // the greatest DeleteBelow; empty: none
  std::vector<Change> in_order;                         // by store and key; views of `changes`
  size_t next = 0, sent_to = 0;  // what comes next; where the part on its way ends
};

// In key order, as the state store writes it: a chunk then changes few pages.
void TaskCheckpoints::Frozen::sort() {
  find_newest();
  std::ranges::sort(in_order, [](const Change& a, const Change& b) {
    return a.store != b.store ? a.store < b.store : a.key < b.key;
  });
  // A window that was forgotten never comes back: what was noted of it before goes too.
  std::erase_if(in_order,
                [this](const Change& change) { return change.key < removed_below[change.store]; });
  is_sorted = true;
}

void TaskCheckpoints::Frozen::find_newest() {
  using Key = std::pair<uint32_t, std::string_view>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.second) + key.first;
    }
  };
  absl::flat_hash_map<Key, uint32_t, KeyHash> places;  // in in_order
  for (const std::string& piece : changes) {
    engine::StateChangeReader reader(piece);
    for (engine::StateEntry entry; reader.next(entry);) {
      while (entry.store >= store_names.size()) {
        store_names.push_back(store_name(static_cast<uint32_t>(store_names.size())));
        removed_below.emplace_back();
      }
      if (entry.kind == engine::StateEntry::Kind::DeleteBelow) {
        if (entry.key > removed_below[entry.store]) removed_below[entry.store] = entry.key;
        continue;
      }
      const Change change{entry.key, entry.value, entry.store,
                          entry.kind == engine::StateEntry::Kind::Put};
      const auto [place, is_new] =
          places.try_emplace(Key(entry.store, entry.key), static_cast<uint32_t>(in_order.size()));
      if (is_new)
        in_order.push_back(change);
      else
        in_order[place->second] = change;
    }
    assert(!reader.is_damaged());  // our own encoder made it
  }
}

storage::Checkpoint TaskCheckpoints::Frozen::next_part() {
  storage::Checkpoint part;
  part.task = task;
  part.keeps = shared_from_this();
  sent_to = next;
  if (is_sorted && !ranges_are_sent) {
    for (uint32_t i = 0; i < removed_below.size(); ++i)
      if (!removed_below[i].empty())
        part.removed_ranges.push_back({store_names[i], "", removed_below[i]});
  }
  if (is_sorted) {
    const size_t end = std::min(in_order.size(), next + kPartKeys);
    for (size_t bytes = 0; sent_to < end && bytes < kPartBytes; ++sent_to) {
      const Change& change = in_order[sent_to];
      bytes += change.key.size() + change.value.size();
      part.entries.push_back({store_names[change.store], change.key,
                              change.is_put ? std::optional(change.value) : std::nullopt});
    }
  }
  last_is_sent = is_sorted && sent_to == in_order.size();
  part.position = last_is_sent ? position : position_before;
  part.scalars = last_is_sent ? scalars : scalars_before;
  return part;
}

// Under the mutex, so that nothing of an abandoned checkpoint reaches the state store after the
// first one of the task's next owner: it would put old values over new ones.
void TaskCheckpoints::Frozen::write_next() {
  std::lock_guard lock(mutex);
  if (is_abandoned) return;
  phase = Phase::Writing;
  storage::Checkpoint part = next_part();
  std::function<void(Status)> done = [self = shared_from_this()](Status status) {
    self->answered(status);
  };
  // No room now: the same part is made again at a later tick.
  if (!lane->state().try_checkpoint(part, done)) phase = Phase::Stuck;
}

void TaskCheckpoints::Frozen::answered(const Status& status) {
  if (!status) {
    // The journal remains, or is gone together with the task.
    if (status.error().code == ErrorCode::ShuttingDown ||
        status.error().code == ErrorCode::FencedTask)
      return;
    lane->note_failure(task, status.error());
    phase = Phase::Stuck;
    return;
  }
  lane->note_success();
  if (last_is_sent) return trim();
  ranges_are_sent = is_sorted;
  next = sent_to;
  if (!is_sorted) sort();
  write_next();
}

void TaskCheckpoints::Frozen::trim() {
  in_order = {};
  changes = {};
  lane->log().trim_journal(task, position, [self = shared_from_this()](Status trimmed) {
    // The next checkpoint trims what this one left.
    if (!trimmed && trimmed.error().code != ErrorCode::ShuttingDown)
      self->lane->note_failure(self->task, trimmed.error());
    self->phase = Phase::Finished;
  });
}

// --- The task's side

TaskCheckpoints::TaskCheckpoints(std::string task, std::shared_ptr<CheckpointLane> lane)
    : task_(std::move(task)), lane_(std::move(lane)) {}

TaskCheckpoints::~TaskCheckpoints() {
  if (!frozen_) return;
  std::lock_guard lock(frozen_->mutex);
  frozen_->is_abandoned = true;
}

void TaskCheckpoints::begin_after(TaskSequence last, engine::JournalEntry position) {
  last_ = finished_ = last;
  finished_scalars_ = engine::encode_journal(position);
  position_ = std::move(position);
}

void TaskCheckpoints::add(TaskSequence sequence, engine::JournalEntry entry) {
  if (gathered_bytes_ == 0) since_us_ = lane_->clock().monotonic_us();
  assert(sequence > last_);  // what is in a checkpoint is not added again
  last_ = sequence;
  gathered_bytes_ += 64;
  for (const engine::InputPosition& moved : entry.positions) {
    const auto known =
        std::ranges::find_if(position_.positions, [&](const engine::InputPosition& position) {
          return position.input == moved.input && position.partition == moved.partition;
        });
    assert(known == position_.positions.end() || known->next <= moved.next);
    known == position_.positions.end() ? position_.positions.push_back(moved)
                                       : void(*known = moved);
  }
  if (!entry.scalars.empty()) position_.scalars = std::move(entry.scalars);
  engine::merge_sequences(position_.outputs, entry.outputs);
  gathered_bytes_ += entry.changes.bytes().size();
  if (!entry.changes.empty()) keep(std::move(entry.changes).take_bytes());
}

void TaskCheckpoints::keep(std::string changes) {
  const bool fits = !changes_.empty() && changes_.back().size() + changes.size() <= kPieceBytes;
  fits ? void(changes_.back() += changes) : changes_.push_back(std::move(changes));
}

bool TaskCheckpoints::is_dirty() const { return gathered_bytes_ > 0 || frozen_; }

TaskCheckpoints::Backlog TaskCheckpoints::backlog() const {
  Backlog backlog{gathered_bytes_};
  // What is frozen is older than what has gathered since.
  if (frozen_) {
    backlog.journal_bytes += frozen_bytes_;
    backlog.age_us = lane_->clock().monotonic_us() - frozen_since_us_;
  } else if (gathered_bytes_ > 0) {
    backlog.age_us = lane_->clock().monotonic_us() - since_us_;
  }
  return backlog;
}

void TaskCheckpoints::tick(Memory memory) {
  if (frozen_) {
    const Frozen::Phase phase = frozen_->phase;
    if (phase == Frozen::Phase::Writing) return;
    if (phase == Frozen::Phase::Stuck) {
      if (lane_->may_try()) frozen_->write_next();
      return;
    }
    finished_ = frozen_->position;
    finished_scalars_ = std::move(frozen_->scalars);
    frozen_.reset();
  }
  if (gathered_bytes_ == 0) return;
  const bool is_old =
      lane_->clock().monotonic_us() - since_us_ > lane_->policy().interval_ms * 1000;
  if ((gathered_bytes_ >= enough_bytes(memory) || is_old) && lane_->may_try()) begin();
}

void TaskCheckpoints::begin() {
  assert(!frozen_ && finished_ < last_);
  frozen_ = std::make_shared<Frozen>(task_, lane_);
  frozen_->changes = std::exchange(changes_, {});
  frozen_->position = last_;
  frozen_->position_before = finished_;
  frozen_->scalars = engine::encode_journal(position_);
  frozen_->scalars_before = finished_scalars_;
  frozen_bytes_ = std::exchange(gathered_bytes_, 0);
  frozen_since_us_ = since_us_;
  if (frozen_->byte_count() <= kSmallBytes) frozen_->sort();
  frozen_->write_next();
}

// --- Restoring

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

  // A piece at a time.
  engine::JournalEntry some;
  const auto restore_some = [&]() -> Status {
    const engine::JournalEntry taken = std::exchange(some, {});
    return taken.changes.empty() ? Status{} : restore(taken);
  };
  const auto take = [&](std::string_view store, std::string_view key,
                        std::string_view value) -> Status {
    some.changes.append({store_number(store), engine::StateEntry::Kind::Put, key, value});
    return some.changes.bytes().size() < kPieceBytes ? Status{} : restore_some();
  };
  const storage::CheckpointPosition checkpoint = TRY(state.load(task, take));
  TRY(restore_some());
  TaskSequence last = checkpoint.position;
  engine::JournalEntry position;
  if (!checkpoint.scalars.empty()) {
    position = TRY(engine::decode_journal(checkpoint.scalars));
    TRY(restore(position));
  }
  checkpoints.begin_after(last, std::move(position));
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
