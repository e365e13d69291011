#include "storage/log/log_cleaner.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <random>
#include <utility>

#include "base/log.h"
#include "storage/log/log_core.h"

namespace storage {

namespace {

// If the new data is smaller than this, compaction waits until the data is
// CleanupPolicy::segment_ms old.
constexpr int64_t kWorthBytes = 1 << 20;
constexpr size_t kLeastKeyMapBytes = 64 << 10;
// The cleaner takes at most about half of the writer's time, and never pauses longer than this.
constexpr int64_t kLongestPauseUs = 50'000;
// The time index must show the age of the last append even after a restart. The error of this age
// is at most a tenth of the age that a policy requires, and at most kMostIndexPauseMs.
constexpr int64_t kMostIndexPauseMs = 60'000, kIndexPausesOfAge = 10;
constexpr size_t kWeightOfIndexEntry = 4 << 10;
// Longest time until a partition without appends is examined again.
constexpr int64_t kLongestCleanerPauseMs = 600'000;

template <class Submit>
Status wait_for_status(const Submit& submit) {
  std::promise<Status> done;
  submit([&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace

LogCleaner::LogCleaner(Log& log, LogCleanerOptions options, CleanupPort& port,
                       std::unique_ptr<LogReader> reader)
    : log_(log),
      options_(options),
      port_(port),
      reader_(std::move(reader)),
      key_seed_(std::random_device()()) {}

Result<std::unique_ptr<LogCleaner>> LogCleaner::open(Log& log, LogCleanerOptions options,
                                                     CleanupPort& port) {
  auto reader = TRY(LogReader::open(log));
  return std::unique_ptr<LogCleaner>(new LogCleaner(log, options, port, std::move(reader)));
}

LogCleaner::~LogCleaner() { stop(); }

void LogCleaner::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void LogCleaner::stop() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogCleaner::run() {
  while (goes_on()) {
    run_once();
    std::unique_lock lock(mutex_);
    stopping_.wait_for(lock, std::chrono::milliseconds(options_.interval_ms),
                       [this] { return is_stopping_.load(); });
  }
}

// Returns whether nothing was committed since the last round and no partition is due. Without this
// check, an idle server with tens of thousands of partitions would be busy.
bool LogCleaner::is_idle() {
  // The count includes commits that write metadata.
  const uint64_t commits = log_.core().statistics().commits;
  const int64_t now_ms = options_.clock->wall_ms();
  const bool is_due = now_ms >= next_look_ms_ || next_look_ms_ > now_ms + kLongestCleanerPauseMs;
  return std::exchange(seen_commits_, commits) == commits && !is_due;
}

void LogCleaner::run_once() {
  if (is_idle()) return;
  ++round_;
  std::vector<CleanupTarget> targets = port_.targets();
  std::erase_if(targets, [this](const CleanupTarget& target) { return !is_worth_a_look(target); });
  if (!targets.empty()) port_.hold(targets);
  size_t failures = 0;
  for (const CleanupTarget& target : targets) {
    if (!goes_on()) return;
    const Status cleaned = clean(target);
    if (cleaned || !goes_on() || cleaned.error().code == ErrorCode::UnknownTopic) continue;
    notes_.erase(target.partition);  // the next round counts its bytes again
    // Only the first failure of a round is logged, because a full disk prevents the cleaning of
    // every partition.
    if (failures++ > 0) continue;
    log_warn("a partition was not cleaned topic={} partition={} error=\"{}\"",
             target.partition.topic.to_string(), target.partition.partition.value(),
             cleaned.error().message);
  }
  if (failures > 1) log_warn("more partitions were not cleaned count={}", failures - 1);
  std::erase_if(notes_, [this](const auto& each) { return each.second.round != round_; });
  next_look_ms_ = options_.clock->wall_ms() + (failures > 0 ? 0 : kLongestCleanerPauseMs);
  for (const auto& [partition, notes] : notes_)
    next_look_ms_ = std::min(next_look_ms_, notes.next_look_ms);
  std::lock_guard lock(mutex_);
  std::erase_if(held_back_, [this](const auto& each) { return !notes_.contains(each.first); });
}

// Returns false for a partition that has not changed and is not due. A server may have tens of
// thousands of such partitions.
bool LogCleaner::is_worth_a_look(const CleanupTarget& target) {
  const auto partition = log_.find_partition(target.partition);
  // A damaged partition appears to be empty here.
  if (!partition || partition->log_start() == partition->log_end()) return false;
  Notes& notes = notes_[target.partition];
  notes.round = round_;
  const int64_t now_ms = options_.clock->wall_ms();
  return notes.seen_end != partition->log_end() || notes.seen_policy != target.policy ||
         now_ms >= notes.next_look_ms || notes.next_look_ms > now_ms + kLongestCleanerPauseMs;
}

// Returns the pause until a partition without appends is examined again. It is a tenth of the
// shortest age in its policy, because in such a partition only the age of the records changes.
int64_t LogCleaner::pause_ms_of(const CleanupTarget& target) const {
  const CleanupPolicy& policy = target.policy;
  int64_t age_ms = kLongestCleanerPauseMs * kIndexPausesOfAge;
  if (policy.deletes && policy.retention_ms >= 0) age_ms = std::min(age_ms, policy.retention_ms);
  if (policy.compacts)
    for (const int64_t each : {policy.segment_ms, policy.max_compaction_lag_ms,
                               policy.min_compaction_lag_ms, policy.delete_retention_ms})
      if (each > 0) age_ms = std::min(age_ms, each);
  return age_ms / kIndexPausesOfAge;
}

Status LogCleaner::clean(const CleanupTarget& target) {
  const auto partition = log_.core().find_partition(target.partition);
  if (!partition || partition->kind() != PartitionKind::Client) return {};
  Notes& notes = notes_[target.partition];
  if (notes.number != partition->number()) {
    notes = {};
    notes.number = partition->number();
    notes.round = round_;
  }
  notes.seen_end = partition->log_end();
  notes.seen_policy = target.policy;
  // Records that are kept for queries are examined again in each round.
  notes.next_look_ms =
      options_.clock->wall_ms() + (target.keep_from < *notes.seen_end ? 0 : pause_ms_of(target));
  if (target.policy.deletes) TRY(retain(target, *partition, notes));
  if (target.policy.compacts) TRY(compact(target, *partition, notes));
  return {};
}

// --- Retention

// Writes the time of the last append into the time index. Appends add an entry only after a number
// of bytes, so a partition that gets few records gets its entry here. No request waits for the
// entry, and many entries share one commit.
Status LogCleaner::index_appends(const Partition& partition, int64_t age_ms) {
  const Offset log_end = partition.log_end();
  if (partition.log_start() == log_end) return {};
  const int64_t pause_ms = std::min(kMostIndexPauseMs, age_ms / kIndexPausesOfAge);
  const int64_t now_ms = options_.clock->wall_ms();
  // An entry is written only if the index does not reach the log end, and if its newest entry is
  // older than the pause.
  TRY(reader_->begin_turn());
  const auto known = reader_->end_appended_before(partition.id(), INT64_MAX);
  const auto old = reader_->end_appended_before(partition.id(), now_ms - pause_ms);
  reader_->end_turn();
  if (!known || !old) return known ? old.error() : known.error();
  if (*known >= log_end || *known > *old) return {};
  log_.core().submit(
      [id = partition.id()](GroupTransaction& group) { return group.index_append_time(id); },
      [](const Status&) {}, kWeightOfIndexEntry);
  return {};
}

Status LogCleaner::retain(const CleanupTarget& target, const Partition& partition, Notes& notes) {
  const CleanupPolicy& policy = target.policy;
  const auto go_on = [this] { return goes_on(); };
  const Offset log_start = partition.log_start(), visible_end = partition.high_watermark();
  const Offset limit = std::max(log_start, std::min(visible_end, target.keep_from));
  Offset wanted = log_start;
  if (policy.retention_ms >= 0) {
    TRY(index_appends(partition, policy.retention_ms));
    const Offset old =
        TRY(end_older_than(*reader_, partition, policy.retention_ms, options_.clock->wall_ms()));
    wanted = std::max(wanted, std::min(old, visible_end));
  }
  Offset start = std::min(wanted, limit);
  int64_t held_back = wanted - start;
  if (policy.retention_bytes >= 0) {
    BatchBytes& all = notes.all;
    if (all.begin() != log_start || all.end() > visible_end) all.restart(log_start);
    TRY(all.shrink_to(*reader_, partition.id(), start, go_on));
    TRY(all.grow_to(*reader_, partition.id(), visible_end, go_on));
    start = std::max(
        start, TRY(all.place_for(*reader_, partition.id(), policy.retention_bytes, limit, go_on)));
    TRY(all.shrink_to(*reader_, partition.id(), start, go_on));
    const int64_t mean = std::max<int64_t>(1, all.mean_bytes_of(1));
    if (start == limit && limit < visible_end && all.bytes() > policy.retention_bytes)
      held_back = std::max(held_back, (all.bytes() - policy.retention_bytes) / mean);
  }
  note_held_back(partition.id(), held_back);
  if (start <= log_start) return {};
  return wait_for_status([&](auto done) { log_.trim({partition.id(), start}, std::move(done)); });
}

void LogCleaner::note_held_back(const TopicPartition& partition, int64_t records) {
  std::lock_guard lock(mutex_);
  if (records > 0)
    held_back_[partition] = records;
  else
    held_back_.erase(partition);
}

std::vector<LogCleaner::HeldBack> LogCleaner::held_back() const {
  std::lock_guard lock(mutex_);
  std::vector<HeldBack> all;
  for (const auto& [partition, records] : held_back_) all.push_back({partition, records});
  return all;
}

// --- Compaction

Result<Offset> LogCleaner::end_of_compaction(const CleanupTarget& target,
                                             const Partition& partition) {
  const Offset log_end = partition.log_end();
  Offset end = std::min(partition.high_watermark(), target.keep_from);
  if (target.policy.min_compaction_lag_ms > 0)
    end = std::min(end, TRY(end_older_than(*reader_, partition, target.policy.min_compaction_lag_ms,
                                           options_.clock->wall_ms())));
  if (log_end == partition.log_start()) return log_end;
  TRY(reader_->begin_turn());
  const auto newest = reader_->read(partition.id(), log_end - 1, 1, ReadUpTo::LogEnd);
  reader_->end_turn();
  if (!newest) return newest.error();
  return newest->empty() ? end : std::min(end, newest->front().base_offset);
}

Result<bool> LogCleaner::is_due(const CleanupPolicy& policy, const Partition& partition,
                                const Notes& notes) {
  const int64_t now_ms = options_.clock->wall_ms();
  if (notes.next_horizon_ms <= now_ms && !policy.keeps_tombstones) return true;
  const BatchBytes &fresh = notes.fresh, &cleaned = notes.cleaned;
  if (fresh.bytes() == 0) return false;
  const auto has_waited = [&](int64_t age_ms) -> Result<bool> {
    return TRY(end_older_than(*reader_, partition, age_ms, now_ms)) > fresh.begin();
  };
  if (policy.max_compaction_lag_ms < INT64_MAX && TRY(has_waited(policy.max_compaction_lag_ms)))
    return true;
  const auto all = static_cast<double>(fresh.bytes() + cleaned.bytes());
  if (static_cast<double>(fresh.bytes()) < policy.min_cleanable_dirty_ratio * all) return false;
  if (fresh.bytes() >= std::min(kWorthBytes, policy.segment_bytes)) return true;
  return has_waited(policy.segment_ms);
}

Status LogCleaner::compact(const CleanupTarget& target, const Partition& partition, Notes& notes) {
  const CleanupPolicy& policy = target.policy;
  const auto go_on = [this] { return goes_on(); };
  const int64_t min_lag_ms =
      policy.min_compaction_lag_ms > 0 ? policy.min_compaction_lag_ms : INT64_MAX;
  TRY(index_appends(partition,
                    std::min({policy.segment_ms, policy.max_compaction_lag_ms, min_lag_ms})));
  const Offset end = TRY(end_of_compaction(target, partition));
  while (goes_on()) {
    const Offset log_start = partition.log_start();
    const Offset cleaned_end = std::max(partition.cleaned_end(), log_start);
    BatchBytes &cleaned = notes.cleaned, &fresh = notes.fresh;
    if (cleaned.end() != cleaned_end || cleaned.begin() > log_start)
      cleaned.restart(log_start);
    else if (cleaned.begin() < log_start)  // estimated, which is enough for a ratio
      cleaned.set(log_start, cleaned_end, cleaned.mean_bytes_of(cleaned_end - log_start));
    TRY(cleaned.grow_to(*reader_, partition.id(), cleaned_end, go_on));
    if (fresh.begin() != cleaned_end) fresh.restart(cleaned_end);
    TRY(fresh.grow_to(*reader_, partition.id(), std::max(end, cleaned_end), go_on));
    // If a running query has not read all records before cleaned_end() yet, nothing is compacted.
    if (end < cleaned_end || !TRY(is_due(policy, partition, notes))) return {};
    TRY(compact_once(target, partition, notes, end));
  }
  return {};
}

Status LogCleaner::compact_once(const CleanupTarget& target, const Partition& partition,
                                Notes& notes, Offset end) {
  const auto most = static_cast<size_t>(std::max<int64_t>(0, end - notes.fresh.begin()));
  size_t bytes = std::clamp(most * 8 / 7 * KeyOffsets::kSlotBytes, kLeastKeyMapBytes,
                            options_.max_key_map_bytes);
  std::optional<OwnedCharge> charge;
  if (options_.memory != nullptr) {
    charge.emplace(*options_.memory, MemoryKind::Queues);
    while (!charge->try_resize(bytes)) {
      if (bytes == kLeastKeyMapBytes) return charge->refusal("the keys of a compaction");
      bytes = std::max(bytes / 2, kLeastKeyMapBytes);
    }
  }
  KeyOffsets keys(bytes / KeyOffsets::kSlotBytes, key_seed_);
  const int64_t begin_us = options_.clock->monotonic_us();
  Compaction compaction(*reader_, partition, target.policy, options_.clock->wall_ms(),
                        [this](CleanedBatches cleaned) { return write(std::move(cleaned)); });
  const Compaction::Outcome outcome = TRY(compaction.run(keys, end, [this] { return goes_on(); }));
  notes.cleaned.set(partition.log_start(), outcome.cleaned_end, outcome.bytes_after);
  notes.fresh.restart(outcome.cleaned_end);
  notes.next_horizon_ms = outcome.next_horizon_ms;
  notes.all.restart(partition.log_start());
  log_debug("partition compacted topic={} partition={} end={} keys={} bytes={} before={} ms={}",
            target.partition.topic.to_string(), target.partition.partition.value(),
            outcome.cleaned_end.value(), keys.size(), outcome.bytes_after, outcome.bytes_before,
            (options_.clock->monotonic_us() - begin_us) / 1000);
  return {};
}

Status LogCleaner::write(CleanedBatches cleaned) {
  const int64_t begin_us = options_.clock->monotonic_us();
  TRY(wait_for_status([&](auto done) {
    log_.core().submit([cleaned = std::make_shared<const CleanedBatches>(std::move(cleaned))](
                           GroupTransaction& group) { return group.clean(*cleaned); },
                       std::move(done));
  }));
  // The pause is as long as the write took. The writer thus has at least half of its time for other
  // requests.
  const int64_t took_us = options_.clock->monotonic_us() - begin_us;
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, std::chrono::microseconds(std::min(took_us, kLongestPauseUs)),
                     [this] { return is_stopping_.load(); });
  return {};
}

}  // namespace storage
