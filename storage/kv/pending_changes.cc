#include "storage/kv/pending_changes.h"

#include <lmdb.h>

#include <algorithm>
#include <chrono>

#include "storage/kv/lmdb_transaction.h"
#include "storage/kv/recorded_changes.h"

namespace storage {

namespace {

// Pending changes are applied when they reach this many entries or bytes. The limits bound the time
// that a reader waits. For this many entries LMDB writes hardly more pages than for one.
constexpr size_t kMostEntries = 64, kMostBytes = 64 << 10;
// Pending changes are applied after at most this time, so another process that reads the file sees
// a state that is at most this old.
constexpr std::chrono::milliseconds kMakeWithin{20};
// If a reader had to wait for the disk, further readers are expected during this many entries.
// During these entries, pending changes are applied before each entry is written, so that readers
// need not wait for the write.
constexpr size_t kReadersStay = 16;
// If a commit of LMDB applies fewer entries than this on average, deferring saves no time.
constexpr double kFewTogether = 1.5;
// If deferring saves no time (kFewTogether), it is tried only for the first kTriedAnew of each
// kTriedAnewEvery entries.
constexpr size_t kTriedAnewEvery = 256, kTriedAnew = 16;

}  // namespace

PendingChanges::~PendingChanges() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  due_.notify_one();
  thread_.join();
}

std::optional<uint64_t> PendingChanges::begin_entry() {
  std::lock_guard lock(mutex_);
  if (!are_made_together()) return std::nullopt;
  const bool is_awaited = waiting_ > 0 || entries_since_wait_ < kReadersStay;
  if (is_awaited || changes_.size() >= kMostEntries || bytes_ >= kMostBytes ||
      tables_.size() >= kMostTables || puts_.size() >= kMostPutsPending)
    if (make_held() != 0) return std::nullopt;
  ++entries_since_wait_;
  is_entry_on_its_way_ = true;
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  return info.me_last_txnid + 1;
}

void PendingChanges::end_entry(std::string_view changes, std::span<const TableHandle> tables,
                               KeptPuts puts) {
  {
    std::lock_guard lock(mutex_);
    is_entry_on_its_way_ = false;
    if (!changes.empty()) {
      changes_.emplace_back(changes);
      bytes_ += changes.size();
      for (const TableHandle table : tables)
        if (std::ranges::find(tables_, table) == tables_.end()) tables_.push_back(table);
      puts_.add(std::move(puts));
      has_some_ = true;
    }
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    if (waiting_ == 0 && !is_asleep_) return;
  }
  entry_ended_.notify_all();
  due_.notify_one();
}

// The result stays valid, because no thread applies changes between begin_entry() and end_entry().
// The lock makes earlier work of other threads visible.
PendingChanges::Found PendingChanges::find(TableHandle table, std::string_view key) {
  std::lock_guard lock(mutex_);
  if (puts_.is_appended(table)) return {.is_unknown = true};
  return {.value = puts_.find(table, key)};
}

int PendingChanges::make() {
  if (!has_some_) return 0;
  std::unique_lock lock(mutex_);
  if (!may_make()) {
    wait_for_entry(lock);
    entries_since_wait_ = 0;
  }
  return make_held();
}

void PendingChanges::wait_for_entry(std::unique_lock<std::mutex>& lock) {
  ++waiting_;
  entry_ended_.wait(lock, [this] { return may_make(); });
  --waiting_;
}

int PendingChanges::make_held() {
  if (changes_.empty()) return 0;
  if (are_lost_) return EIO;
  const int code = make_in_one_commit();
  if (code != 0) {
    MDB_txn* probe;
    // LMDB accepts no further transactions in two cases. After a failed write of a root, whose
    // outcome is unknown, it refuses them. After a damaged page, its lock is never released.
    if (code == kDamagedPage || mdb_txn_begin(environment_, nullptr, 0, &probe) != 0)
      are_lost_ = true;
    else
      mdb_txn_abort(probe);
    return code;
  }
  note_made(changes_.size());
  changes_.clear();
  tables_.clear();
  puts_.clear();
  bytes_ = 0;
  has_some_ = false;
  ++commits_;
  return 0;
}

void PendingChanges::note_made(size_t entries) {
  mean_made_ = 0.75 * mean_made_ + 0.25 * static_cast<double>(entries);
}

// Returns whether to defer the next entry. If most entries are applied one by one, deferring is
// only tried from time to time.
bool PendingChanges::are_made_together() {
  if (mean_made_ < kFewTogether) return not_pending_++ % kTriedAnewEvery < kTriedAnew;
  not_pending_ = 0;
  return true;
}

int PendingChanges::make_in_one_commit() {
  MDB_txn* begun;
  if (const int code = mdb_txn_begin(environment_, nullptr, 0, &begun); code != 0) return code;
  int code = 0;
  const auto transaction = wrap_lmdb_write(begun, pages_, nullptr, [&](MDB_txn* ending) -> Status {
    mdb_env_set_flags(environment_, MDB_NOSYNC, 1);
    code = guarded([&] { return mdb_txn_commit(ending); });
    mdb_env_set_flags(environment_, MDB_NOSYNC, 0);
    return {};
  });
  OpenedTables tables;
  for (const std::string& changes : changes_)
    if (const Status applied = apply_changes(changes, *transaction, tables); !applied)
      return applied.error().code == ErrorCode::DiskFull ? ENOSPC : EIO;
  [[maybe_unused]] const Status committed = transaction->commit();
  return code;
}

// Applies changes after kMakeWithin, unless a reader has applied them earlier.
void PendingChanges::run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    is_asleep_ = changes_.empty();
    if (is_asleep_) due_.wait(lock, [this] { return is_ending_ || !changes_.empty(); });
    is_asleep_ = false;
    due_.wait_for(lock, kMakeWithin, [this] { return is_ending_; });
    wait_for_entry(lock);
    // No reader has forced this commit early, so the mean counts it as a commit of many entries.
    if (!changes_.empty()) note_made(kMostEntries);
    // if it fails, the changes stay pending and the loop tries again
    make_held();
  }
}

}  // namespace storage
