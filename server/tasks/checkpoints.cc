#include "server/tasks/checkpoints.h"

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
constexpr size_t kSmallKeys = 500;

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
  using Change = std::pair<const std::string*, const std::optional<std::string>*>;

  Frozen(std::string its_task, std::shared_ptr<CheckpointLane> its_lane)
      : task(std::move(its_task)), lane(std::move(its_lane)) {}

  void write_next();
  void sort();
  storage::Checkpoint next_part();
  void answered(const Status& status);
  void trim();
  size_t key_count() const {
    size_t count = 0;
    for (const StoreChanges& each : changes) count += each.entries.size();
    return count;
  }

  const std::string task;
  const std::shared_ptr<CheckpointLane> lane;
  std::vector<StoreChanges> changes;
  TaskSequence position, position_before;
  std::string scalars, scalars_before;
  std::atomic<Phase> phase{Phase::Stuck};
  std::mutex mutex;
  bool is_abandoned = false;  // guarded by mutex

  bool ranges_are_sent = false, is_sorted = false, last_is_sent = false;
  std::vector<std::vector<Change>> in_order;   // by store
  size_t store = 0, next = 0;                  // what comes next in it
  size_t sent_to_store = 0, sent_to_next = 0;  // where the part that is on its way ends
};

// In key order, as the state store writes it: a chunk then changes few pages.
void TaskCheckpoints::Frozen::sort() {
  is_sorted = true;
  in_order.resize(changes.size());
  for (size_t i = 0; i < changes.size(); ++i) {
    for (const auto& [key, value] : changes[i].entries)
      // A window that was forgotten never comes back: what was noted of it before goes too.
      if (key >= changes[i].removed_below) in_order[i].emplace_back(&key, &value);
    std::ranges::sort(in_order[i], {},
                      [](const Change& change) -> const std::string& { return *change.first; });
  }
}

storage::Checkpoint TaskCheckpoints::Frozen::next_part() {
  storage::Checkpoint part;
  part.task = task;
  sent_to_store = store;
  sent_to_next = next;
  if (!ranges_are_sent) {
    for (uint32_t i = 0; i < changes.size(); ++i)
      if (!changes[i].removed_below.empty())
        part.removed_ranges.push_back({store_name(i), "", changes[i].removed_below});
  }
  if (is_sorted) {
    size_t bytes = 0;
    for (; sent_to_store < in_order.size(); ++sent_to_store, sent_to_next = 0) {
      const std::vector<Change>& list = in_order[sent_to_store];
      const std::string name = store_name(static_cast<uint32_t>(sent_to_store));
      for (; sent_to_next < list.size(); ++sent_to_next) {
        if (part.entries.size() >= kPartKeys || bytes >= kPartBytes) break;
        const auto& [key, value] = list[sent_to_next];
        bytes += key->size() + (*value ? (*value)->size() : 0);
        part.entries.push_back({name, *key, *value});
      }
      if (sent_to_next < list.size()) break;
    }
  }
  last_is_sent = is_sorted && sent_to_store == in_order.size();
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
    if (status.error().code == ErrorCode::ShuttingDown) return;  // the journal remains
    lane->note_failure(task, status.error());
    phase = Phase::Stuck;
    return;
  }
  lane->note_success();
  if (last_is_sent) return trim();
  ranges_are_sent = true;
  store = sent_to_store;
  next = sent_to_next;
  if (!is_sorted) sort();
  write_next();
}

void TaskCheckpoints::Frozen::trim() {
  // Here, on the state writer's thread: to let go of millions of entries takes longer than a loop may
  // be held.
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

bool TaskCheckpoints::is_dirty() const { return gathered_bytes_ > 0 || frozen_; }

void TaskCheckpoints::tick() {
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
  if ((gathered_bytes_ >= journal_bytes() || is_old) && lane_->may_try()) begin();
}

void TaskCheckpoints::begin() {
  frozen_ = std::make_shared<Frozen>(task_, lane_);
  frozen_->changes = std::exchange(changes_, {});
  frozen_->position = last_;
  frozen_->position_before = finished_;
  frozen_->scalars = engine::encode_journal(position_);
  frozen_->scalars_before = finished_scalars_;
  gathered_bytes_ = 0;
  if (frozen_->key_count() <= kSmallKeys) frozen_->sort();
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
