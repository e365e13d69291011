#include "storage/state/state_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "base/bytes.h"
#include "base/log.h"
#include "storage/kv/damage.h"
#include "storage/kv/lmdb_store.h"

namespace storage {

namespace {

constexpr std::string_view kLogKey = "log";

// keys of the table `stores` fit
static_assert(kMaxTaskIdSize + 1 + kMaxStoreNameSize <= kMaxKeySize);

}  // namespace

std::string store_key(std::string_view task, std::string_view store) {
  std::string key(task);
  key += '\0';
  return key += store;
}

Result<std::unique_ptr<StateFile>> StateFile::open(StateStore::OpenStore open_store,
                                                   const Uuid& log) {
  std::unique_ptr<StateFile> file(new StateFile(std::move(open_store), log));
  TRY(file->open_store());
  return file;
}

Status StateFile::open_store() {
  std::unique_lock lock(store_mutex_);  // excludes readers of the stores
  store_.reset();                       // closed first, since the open store locks the file
  auto store = TRY(open_store_());
  TRY(open_tables(*store));
  instance_id_ = store->instance_id();
  store_ = std::move(store);
  is_broken_ = false;
  return {};
}

Status StateFile::open_tables(KeyValueStore& store) {
  auto transaction = TRY(store.begin_write());
  tables_.stores = TRY(transaction->open_table("stores", KeyOrder::Bytes));
  tables_.positions = TRY(transaction->open_table("positions", KeyOrder::Bytes));
  tables_.journals = TRY(transaction->open_table("journals", KeyOrder::Bytes));
  tables_.entries = TRY(transaction->open_table("entries", KeyOrder::Bytes));
  tables_.dropped = TRY(transaction->open_table("dropped", KeyOrder::Bytes));
  tables_.owner = TRY(transaction->open_table("owner", KeyOrder::Bytes));

  TRY(read_position_format(*transaction));

  const std::string_view log_id(reinterpret_cast<const char*>(log_.bytes.data()),
                                log_.bytes.size());
  const auto owner = TRY(transaction->get(tables_.owner, kLogKey));
  if (owner && !log_.is_nil() && *owner != log_id)
    return Error{.code = ErrorCode::IncompatibleFormat,
                 .message = "the state file belongs to another log",
                 .hint = "Restore log.mdb and state.mdb from the same backup."};
  if (!owner && !log_.is_nil()) TRY(transaction->put(tables_.owner, kLogKey, log_id));

  is_all_checked_ = true;
  auto cursor = TRY(transaction->cursor(tables_.stores));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    const StoreRow row = TRY(decode_store_row(entry->value));
    next_store_ = std::max(next_store_, row.id + 1);
    is_all_checked_ &= row.format == StoreFormat::Checked;
  }
  dropped_.emplace();
  cursor = TRY(transaction->cursor(tables_.dropped));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    if (entry->key.size() != sizeof(uint32_t))
      return damaged_data("the state file has a damaged store");
    dropped_->push_back(store_of(entry->key));
    next_store_ = std::max(next_store_, dropped_->back() + 1);
    is_all_checked_ = false;  // the format of dropped stores is unknown
  }
  cursor.reset();
  return transaction->commit();
}

Status StateFile::read_position_format(WriteTransaction& transaction) {
  const auto format = TRY(transaction.find_table(kFormatTable, KeyOrder::Bytes));
  const auto version = format ? TRY(transaction.get(*format, kVersionKey)) : std::nullopt;
  position_format_ = position_format_of(version.value_or(""));
  return {};
}

Status StateFile::change(const std::function<Status(WriteTransaction&)>& change) {
  const auto start = std::chrono::steady_clock::now();
  if (is_broken_) TRY(open_store());
  auto transaction = TRY(store_->begin_write());
  TRY(change(*transaction));
  if (Status committed = transaction->commit(); !committed) {
    is_broken_ = committed.error().code != ErrorCode::DiskFull;
    was_broken_ |= is_broken_;
    return committed;
  }
  if (std::exchange(was_broken_, false)) log_info("the state file accepts writes again");
  last_change_took_ = std::chrono::steady_clock::now() - start;
  return {};
}

Result<std::unique_ptr<ReadTransaction>> StateFile::begin_read() const {
  if (store_) return store_->begin_read();
  return Error{ErrorCode::StorageFailure,
               "the state file cannot be opened again after a failed write"};
}

Result<StateFile::Turn> StateFile::begin_turn() const {
  std::shared_lock lock(store_mutex_);
  auto transaction = TRY(begin_read());
  return Turn{std::move(lock), std::move(transaction)};
}

Result<CheckpointPosition> StateFile::position_of(Transaction& transaction,
                                                  std::string_view task) const {
  CheckpointPosition position;
  if (const auto stored = TRY(transaction.get(tables_.positions, task))) {
    const PositionRow row = TRY(decode_position({task, *stored}, position_format_));
    position.position = row.position;
    position.scalars = row.scalars;
  }
  return position;
}

Result<CheckpointPosition> StateFile::position_of(std::string_view task) const {
  const std::shared_lock lock(store_mutex_);
  const auto transaction = TRY(begin_read());
  return position_of(*transaction, task);
}

Result<StateStore::JournalEnds> StateFile::journal_ends() const {
  const std::shared_lock lock(store_mutex_);
  const auto transaction = TRY(begin_read());
  StateStore::JournalEnds ends;
  const auto rows = TRY(transaction->cursor(tables_.journals));
  for (auto row = TRY(rows->first()); row; row = TRY(rows->next())) {
    const auto [journal, end] = TRY(decode_journal_end(*row));
    ends.emplace(journal, end);
  }
  return ends;
}

Result<CheckpointPosition> StateFile::load(std::string_view task,
                                           const StateStore::WantsStore& wants,
                                           const StateStore::Visit& visit) const {
  const std::shared_lock lock(store_mutex_);
  const auto transaction = TRY(begin_read());
  const CheckpointPosition position = TRY(position_of(*transaction, task));
  const std::string stores_prefix = store_key(task, "");
  const auto stores = TRY(transaction->cursor(tables_.stores));
  const auto entries = TRY(transaction->cursor(tables_.entries));
  auto store = TRY(stores->seek(stores_prefix));
  for (; store && store->key.starts_with(stores_prefix); store = TRY(stores->next())) {
    const std::string_view name = store->key.substr(stores_prefix.size());
    if (!wants(name)) continue;
    const StoreRow row = TRY(decode_store_row(store->value));
    const std::string entries_prefix = store_prefix(row.id);
    auto entry = TRY(entries->seek(entries_prefix));
    StoreContent content;
    for (; entry && entry->key.starts_with(entries_prefix); entry = TRY(entries->next())) {
      const Entry original = TRY(original_entry(row.format, *entry));
      content.add(entry->key, entry->value);
      TRY(visit(name, original.key, original.value));
    }
    if (row.format == StoreFormat::Checked && content != row.content)
      return damaged_data(fmt::format("entries of {} are missing from the state file", task));
  }
  return position;
}

// The ids are taken from two tables. A task that has only scalars has a row in `positions`, but
// none in `stores`. A task whose first checkpoint was interrupted has rows in `stores`, but none in
// `positions`.
Result<std::vector<std::string>> StateFile::task_ids() const {
  const std::shared_lock lock(store_mutex_);
  const auto transaction = TRY(begin_read());
  std::set<std::string> ids;
  const auto positions = TRY(transaction->cursor(tables_.positions));
  for (auto entry = TRY(positions->first()); entry; entry = TRY(positions->next()))
    ids.emplace(entry->key);
  const auto stores = TRY(transaction->cursor(tables_.stores));
  for (auto entry = TRY(stores->first()); entry; entry = TRY(stores->next()))
    ids.emplace(entry->key.substr(0, entry->key.find('\0')));
  return std::vector<std::string>(ids.begin(), ids.end());
}

}  // namespace storage
