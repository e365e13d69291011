#include "storage/state/state_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <variant>

#include "base/bytes.h"
#include "base/log.h"
#include "storage/kv/crash_point.h"
#include "storage/kv/lmdb_store.h"
#include "storage/state/state_keys.h"

namespace storage {

namespace {

constexpr uint32_t kStateFormatVersion = 2;
constexpr size_t kMaxNameSize = 200;
// Of one transaction, beside the limit in keys.
constexpr size_t kMaxChunkBytes = 4 << 20;
constexpr std::chrono::milliseconds kPauseAfterFailure(250);

struct Tables {
  TableHandle stores;     // task, NUL, store -> store id u32
  TableHandle positions;  // task -> sequence i64, scalars
  TableHandle entries;    // see state_keys.h
  TableHandle owner;      // kLogKey -> the log's instance id
  TableHandle dropped;    // store id u32 -> nothing: its entries are being removed in slices
};
constexpr std::string_view kLogKey = "log";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize && name.find('\0') == name.npos;
}

std::string store_key(std::string_view task, std::string_view store) {
  std::string key(task);
  key += '\0';
  return key += store;
}

size_t size_of(const Checkpoint& checkpoint) {
  size_t size = checkpoint.scalars.size();
  for (const StateEntry& entry : checkpoint.entries)
    size += sizeof entry + entry.key.size() + (entry.value ? entry.value->size() : 0);
  return size;
}

Status check_names(const Checkpoint& checkpoint) {
  const auto has_name = [](const auto& part) { return is_name(part.store); };
  if (!is_name(checkpoint.task) || !std::ranges::all_of(checkpoint.entries, has_name) ||
      !std::ranges::all_of(checkpoint.removed_ranges, has_name))
    return Error{ErrorCode::InvalidParameter, "the name of a task or a store is empty or too long"};
  return {};
}

bool begin_alike(std::string_view left, std::string_view right) {
  return left.substr(0, kMaxWholeKeySize) == right.substr(0, kMaxWholeKeySize);
}

struct CheckpointWork {
  Checkpoint checkpoint;
};
struct DropWork {
  std::string prefix;
};
struct Work {
  std::variant<CheckpointWork, DropWork> what;
  std::function<void(Status)> done;
  size_t size_bytes;
};

// Threads: the writer's thread runs run() and what it calls.
class StateWriter final : public StateStore {
 public:
  StateWriter(std::unique_ptr<KeyValueStore> store, const StateOptions& options)
      : store_(std::move(store)), options_(options) {}
  ~StateWriter() override;

  Status open();
  bool try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) override;
  void drop_tasks(std::string prefix, std::function<void(Status)> done) override;
  Result<CheckpointPosition> load(std::string_view task, const Visit& visit) const override;
  Result<std::vector<std::string>> task_ids() const override;
  size_t pending_removals() const override { return pending_removals_.load(); }
  Uuid instance_id() const override { return store_->instance_id(); }

 private:
  using StoreIds = std::map<std::string, StoreId, std::less<>>;  // by the store's name

  void run();
  Status write(const Checkpoint& checkpoint);
  Result<StoreIds> store_ids(const Checkpoint& checkpoint);
  Status remove_range(StoreId store, const StateRange& range);
  Result<bool> remove_some(StoreId store, const StateRange& range);
  Status write_entries(const Checkpoint& checkpoint, const StoreIds& ids);
  Status write_position(const Checkpoint& checkpoint);
  Status drop(const std::string& prefix);
  Status remove_a_slice();
  template <class Change>
  Status in_transaction(const Change& change);
  void pace();

  const std::unique_ptr<KeyValueStore> store_;
  const StateOptions options_;
  Tables tables_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_
  std::deque<Work> queue_;
  size_t held_bytes_ = 0;
  bool stopping_ = false;

  // The writer's own.
  StoreId next_store_{1};
  std::deque<StoreId> dropped_;  // those of the table
  std::atomic<size_t> pending_removals_ = 0;
  std::chrono::steady_clock::duration last_commit_took_{};
  bool is_removals_turn_ = false;  // they alternate with what is asked for

  std::thread writer_;  // last: it uses all of the above
};

StateWriter::~StateWriter() {
  std::deque<Work> dropped;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped = std::exchange(queue_, {});
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  for (const Work& work : dropped)
    work.done(Error{ErrorCode::ShuttingDown, "the server is shutting down"});
}

// --- Opening

Status StateWriter::open() {
  auto transaction = TRY(store_->begin_write());
  tables_.stores = TRY(transaction->open_table("stores", KeyOrder::Bytes));
  tables_.positions = TRY(transaction->open_table("positions", KeyOrder::Bytes));
  tables_.entries = TRY(transaction->open_table("entries", KeyOrder::Bytes));
  tables_.dropped = TRY(transaction->open_table("dropped", KeyOrder::Bytes));
  tables_.owner = TRY(transaction->open_table("owner", KeyOrder::Bytes));

  const Uuid& log = options_.log_instance;
  const std::string_view log_id(reinterpret_cast<const char*>(log.bytes.data()), log.bytes.size());
  const auto owner = TRY(transaction->get(tables_.owner, kLogKey));
  if (owner && !log.is_nil() && *owner != log_id)
    return Error{.code = ErrorCode::IncompatibleFormat,
                 .message = "the state file belongs to another log",
                 .hint = "Restore log.mdb and state.mdb from the same backup."};
  if (!owner && !log.is_nil()) TRY(transaction->put(tables_.owner, kLogKey, log_id));

  auto cursor = TRY(transaction->cursor(tables_.stores));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    if (entry->value.size() != sizeof(uint32_t))
      return Error{ErrorCode::StorageFailure, "the state file has a damaged store"};
    next_store_ = std::max(next_store_, store_of(entry->value) + 1);
  }
  cursor = TRY(transaction->cursor(tables_.dropped));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    dropped_.push_back(store_of(entry->key));
    next_store_ = std::max(next_store_, dropped_.back() + 1);
  }
  pending_removals_ = dropped_.size();
  cursor.reset();
  TRY(transaction->commit());
  writer_ = std::thread([this] { run(); });
  return {};
}

// --- The queue

bool StateWriter::try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) {
  const size_t size_bytes = size_of(checkpoint);
  {
    std::lock_guard lock(mutex_);
    if (held_bytes_ != 0 && held_bytes_ + size_bytes > options_.queue_limit_bytes) return false;
    queue_.push_back({CheckpointWork{std::move(checkpoint)}, std::move(done), size_bytes});
    held_bytes_ += size_bytes;
  }
  changed_.notify_all();
  return true;
}

void StateWriter::drop_tasks(std::string prefix, std::function<void(Status)> done) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({DropWork{std::move(prefix)}, std::move(done), 0});
  }
  changed_.notify_all();
}

void StateWriter::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty() || !dropped_.empty(); });
    if (stopping_) return;
    if (!dropped_.empty() && (queue_.empty() || std::exchange(is_removals_turn_, false))) {
      lock.unlock();
      if (const Status removed = remove_a_slice(); !removed) {
        log_debug("removal put off error={}", removed.error().message);
        last_commit_took_ = kPauseAfterFailure;
      }
      pace();
      continue;
    }
    is_removals_turn_ = true;
    const Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();

    Status status;
    if (const auto* checkpoint = std::get_if<CheckpointWork>(&work.what))
      status = write(checkpoint->checkpoint);
    else
      status = drop(std::get<DropWork>(work.what).prefix);

    lock.lock();
    held_bytes_ -= work.size_bytes;
    lock.unlock();
    work.done(std::move(status));
  }
}

// --- Writing

// One chunk. `change` returns a Status.
template <class Change>
Status StateWriter::in_transaction(const Change& change) {
  const auto start = std::chrono::steady_clock::now();
  auto transaction = TRY(store_->begin_write());
  TRY(change(*transaction));
  TRY(transaction->commit());
  last_commit_took_ = std::chrono::steady_clock::now() - start;
  return {};
}

// Between chunks the disk belongs to the log for as long as the last chunk had it.
void StateWriter::pace() {
  pass(CrashPoint::BetweenCheckpointChunks);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, last_commit_took_, [&] { return stopping_; });
}

Status StateWriter::write(const Checkpoint& checkpoint) {
  TRY(check_names(checkpoint));
  const StoreIds ids = TRY(store_ids(checkpoint));
  for (const StateRange& range : checkpoint.removed_ranges)
    TRY(remove_range(ids.at(range.store), range));
  TRY(write_entries(checkpoint, ids));
  TRY(write_position(checkpoint));
  pass(CrashPoint::BeforeJournalTrim);
  return {};
}

Result<StateWriter::StoreIds> StateWriter::store_ids(const Checkpoint& checkpoint) {
  StoreIds ids;
  for (const StateRange& range : checkpoint.removed_ranges) ids.try_emplace(range.store);
  for (const StateEntry& entry : checkpoint.entries)
    if (!ids.contains(entry.store)) ids.try_emplace(entry.store);
  const auto change = [&](WriteTransaction& transaction) -> Status {
    for (auto& [name, id] : ids) {
      const std::string key = store_key(checkpoint.task, name);
      if (const auto known = TRY(transaction.get(tables_.stores, key))) {
        id = store_of(*known);
        continue;
      }
      id = next_store_;
      ++next_store_;
      TRY(transaction.put(tables_.stores, key, store_prefix(id)));
    }
    return {};
  };
  TRY(in_transaction(change));
  return ids;
}

Status StateWriter::remove_range(StoreId store, const StateRange& range) {
  while (TRY(remove_some(store, range))) pace();
  return {};
}

// One chunk of the range; false when nothing is left.
Result<bool> StateWriter::remove_some(StoreId store, const StateRange& range) {
  // Keys that begin like one of the ends are stored in another order than they have: each is looked
  // at.
  const std::string first = store_prefix(store).append(range.first_key, 0, kMaxWholeKeySize);
  const std::string store_end = store_prefix(store + 1);
  bool is_more = false;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    std::vector<std::string> doomed;
    const auto cursor = TRY(transaction.cursor(tables_.entries));
    auto entry = TRY(cursor->seek(first));
    for (; entry && entry->key < store_end && doomed.size() < options_.chunk_keys;
         entry = TRY(cursor->next())) {
      const Entry original = TRY(original_entry(*entry));
      const bool is_before_end = range.end_key.empty() || original.key < range.end_key;
      if (!is_before_end && !begin_alike(original.key, range.end_key)) break;
      if (is_before_end && original.key >= range.first_key) doomed.emplace_back(entry->key);
    }
    for (const std::string& key : doomed) TRY(transaction.erase(tables_.entries, key));
    is_more = doomed.size() == options_.chunk_keys;
    return {};
  };
  TRY(in_transaction(change));
  return is_more;
}

Status StateWriter::write_entries(const Checkpoint& checkpoint, const StoreIds& ids) {
  struct Change {
    std::string key;
    const StateEntry* entry;
  };
  std::vector<Change> changes;
  changes.reserve(checkpoint.entries.size());
  for (const StateEntry& entry : checkpoint.entries)
    changes.push_back({stored_key(ids.at(entry.store), entry.key), &entry});
  // Neighbours share pages, so each page is written once.
  std::ranges::sort(changes, {}, &Change::key);

  std::string scratch;
  for (size_t next = 0; next < changes.size();) {
    const auto change = [&](WriteTransaction& transaction) -> Status {
      size_t bytes = 0;
      const size_t end = std::min(changes.size(), next + options_.chunk_keys);
      for (; next < end && bytes < kMaxChunkBytes; ++next) {
        const auto& [key, entry] = changes[next];
        if (!entry->value) {
          TRY(transaction.erase(tables_.entries, key));
          continue;
        }
        const std::string_view value = stored_value(entry->key, *entry->value, scratch);
        TRY(transaction.put(tables_.entries, key, value));
        bytes += key.size() + value.size();
      }
      return {};
    };
    TRY(in_transaction(change));
    pace();
  }
  return {};
}

Status StateWriter::write_position(const Checkpoint& checkpoint) {
  return in_transaction([&](WriteTransaction& transaction) -> Status {
    std::string position;
    append_be(position, checkpoint.position.value());
    position += checkpoint.scalars;
    return transaction.put(tables_.positions, checkpoint.task, position);
  });
}

// One commit, after which the tasks are unknown: a task made again under the same id gets new
// stores.
Status StateWriter::drop(const std::string& prefix) {
  const auto end = end_of_prefix(prefix);
  if (!end) return Error{ErrorCode::InvalidParameter, "the prefix of task ids is empty"};
  std::vector<StoreId> stores;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    TRY(transaction.erase_range(tables_.positions, prefix, *end));
    {
      const auto cursor = TRY(transaction.cursor(tables_.stores));
      auto entry = TRY(cursor->seek(prefix));
      for (; entry && entry->key < *end; entry = TRY(cursor->next()))
        stores.push_back(store_of(entry->value));
    }
    TRY(transaction.erase_range(tables_.stores, prefix, *end));
    for (const StoreId store : stores)
      TRY(transaction.put(tables_.dropped, store_prefix(store), ""));
    return {};
  };
  TRY(in_transaction(change));
  dropped_.insert(dropped_.end(), stores.begin(), stores.end());
  pending_removals_ = dropped_.size();
  return {};
}

// Of the store that was dropped first. Its row goes with its last entry, so that a crash leaves
// nothing behind.
Status StateWriter::remove_a_slice() {
  const StoreId store = dropped_.front();
  bool is_all = false;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    const Erased erased =
        TRY(transaction.erase_range(tables_.entries, store_prefix(store), store_prefix(store + 1),
                                    {options_.chunk_keys, kMaxChunkBytes}));
    is_all = erased.is_all;
    if (is_all) TRY(transaction.erase(tables_.dropped, store_prefix(store)));
    return {};
  };
  TRY(in_transaction(change));
  if (is_all) dropped_.pop_front();
  pending_removals_ = dropped_.size();
  return {};
}

// --- Reading

Result<CheckpointPosition> StateWriter::load(std::string_view task, const Visit& visit) const {
  const auto transaction = TRY(store_->begin_read());
  CheckpointPosition position;
  if (const auto stored = TRY(transaction->get(tables_.positions, task))) {
    ByteReader in(*stored);
    position.position = TaskSequence{in.be<int64_t>()};
    position.scalars = in.rest();
  }
  const std::string stores_prefix = store_key(task, "");
  const auto stores = TRY(transaction->cursor(tables_.stores));
  const auto entries = TRY(transaction->cursor(tables_.entries));
  auto store = TRY(stores->seek(stores_prefix));
  for (; store && store->key.starts_with(stores_prefix); store = TRY(stores->next())) {
    const std::string_view name = store->key.substr(stores_prefix.size());
    const std::string entries_prefix = store_prefix(store_of(store->value));
    auto entry = TRY(entries->seek(entries_prefix));
    for (; entry && entry->key.starts_with(entries_prefix); entry = TRY(entries->next())) {
      const Entry original = TRY(original_entry(*entry));
      TRY(visit(name, original.key, original.value));
    }
  }
  return position;
}

// A task may have a position without stores, when it keeps scalars only, and stores without a
// position, when its first checkpoint was cut short.
Result<std::vector<std::string>> StateWriter::task_ids() const {
  const auto transaction = TRY(store_->begin_read());
  std::set<std::string> ids;
  const auto positions = TRY(transaction->cursor(tables_.positions));
  for (auto entry = TRY(positions->first()); entry; entry = TRY(positions->next()))
    ids.emplace(entry->key);
  const auto stores = TRY(transaction->cursor(tables_.stores));
  for (auto entry = TRY(stores->first()); entry; entry = TRY(stores->next()))
    ids.emplace(entry->key.substr(0, entry->key.find('\0')));
  return std::vector<std::string>(ids.begin(), ids.end());
}

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory,
                                                     StateOptions options) {
  auto store = TRY(open_lmdb_store(directory, {.kind = "state",
                                               .format_version = kStateFormatVersion,
                                               .oldest_format_version = kStateFormatVersion,
                                               .map_size_bytes = options.map_size_bytes,
                                               .max_tables = 16}));
  return open(std::move(store), std::move(options));
}

Result<std::unique_ptr<StateStore>> StateStore::open(std::unique_ptr<KeyValueStore> store,
                                                     StateOptions options) {
  auto opened = std::make_unique<StateWriter>(std::move(store), options);
  TRY(opened->open());
  return opened;
}

}  // namespace storage
