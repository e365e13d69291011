#include "storage/kv/lmdb_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <filesystem>
#include <set>
#include <system_error>

#include "base/bytes.h"

namespace storage {

namespace {

// ThreadSanitizer leaves a program little address space.
#if defined(__SANITIZE_THREAD__)
constexpr size_t kMaxMapSize = size_t{16} << 30;
#else
constexpr size_t kMaxMapSize = SIZE_MAX;
#endif

// What a file says about itself, in a table of its own.
constexpr const char* kFormatTable = "format";
constexpr std::string_view kKindKey = "kind", kVersionKey = "version", kInstanceKey = "instance";

Error failure(int code, std::string_view doing) {
  switch (code) {
    case MDB_MAP_FULL:
      return {.code = ErrorCode::DiskFull,
              .message = "the data file has reached its largest size",
              .hint = "Delete data, or raise the configured size of the data file and restart."};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {.code = ErrorCode::DiskFull,
              .message = "the disk is full",
              .hint = "Free space on the disk that holds the data directory."};
    case MDB_DBS_FULL:
      return {ErrorCode::LimitExceeded, "too many partitions for one data directory"};
    case MDB_READERS_FULL:
      return {ErrorCode::LimitExceeded, "too many readers of one data file"};
    case MDB_TXN_FULL:
      return {ErrorCode::RecordTooLarge, "one change is too large to be stored"};
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return {ErrorCode::IncompatibleFormat, "the data file is not one of Millrace's"};
    default:
      return {ErrorCode::StorageFailure, fmt::format("cannot {}: {}", doing, mdb_strerror(code))};
  }
}

MDB_val value_of(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB does not write through it
}
std::string_view bytes_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class LmdbCursor;
// LMDB frees the cursors of a write transaction when that ends. Ours may outlive it, so they are
// told.
using OpenCursors = std::set<LmdbCursor*>;

class LmdbCursor final : public Cursor {
 public:
  // `registered_in` is null in read transactions, where LMDB leaves cursors alone.
  LmdbCursor(MDB_cursor* cursor, OpenCursors* registered_in)
      : cursor_(cursor), registered_in_(registered_in) {
    if (registered_in_ != nullptr) registered_in_->insert(this);
  }
  ~LmdbCursor() override {
    if (cursor_ == nullptr) return;
    if (registered_in_ != nullptr) registered_in_->erase(this);
    close();
  }
  void close() { mdb_cursor_close(std::exchange(cursor_, nullptr)); }

  Result<std::optional<Entry>> seek(std::string_view key) override {
    return move(MDB_SET_RANGE, key);
  }
  Result<std::optional<Entry>> first() override { return move(MDB_FIRST); }
  Result<std::optional<Entry>> last() override { return move(MDB_LAST); }
  Result<std::optional<Entry>> next() override { return move(MDB_NEXT); }
  Result<std::optional<Entry>> previous() override { return move(MDB_PREV); }

 private:
  Result<std::optional<Entry>> move(MDB_cursor_op how, std::string_view from = {}) {
    assert(cursor_ != nullptr);  // the transaction is over
    MDB_val key = value_of(from), value;
    const int code = mdb_cursor_get(cursor_, &key, &value, how);
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0) return failure(code, "read the data file");
    return Entry{bytes_of(key), bytes_of(value)};
  }

  MDB_cursor* cursor_;
  OpenCursors* const registered_in_;
};

Result<std::optional<std::string_view>> get_value(MDB_txn* transaction, TableHandle table,
                                                  std::string_view bytes) {
  MDB_val key = value_of(bytes), value;
  const int code = mdb_get(transaction, table.value(), &key, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return failure(code, "read the data file");
  return bytes_of(value);
}

Result<std::unique_ptr<Cursor>> open_cursor(MDB_txn* transaction, TableHandle table,
                                            OpenCursors* register_in) {
  MDB_cursor* cursor;
  if (const int code = mdb_cursor_open(transaction, table.value(), &cursor); code != 0)
    return failure(code, "read the data file");
  return std::make_unique<LmdbCursor>(cursor, register_in);
}

class LmdbRead final : public ReadTransaction {
 public:
  explicit LmdbRead(MDB_txn* transaction) : transaction_(transaction) {}
  ~LmdbRead() override { mdb_txn_abort(transaction_); }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(transaction_, table, key);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return open_cursor(transaction_, table, nullptr);
  }
  void reset() override { mdb_txn_reset(transaction_); }
  Status renew() override {
    if (const int code = mdb_txn_renew(transaction_); code != 0)
      return failure(code, "read the data file");
    return {};
  }

 private:
  MDB_txn* const transaction_;
};

class LmdbStore final : public KeyValueStore {
 public:
  LmdbStore(MDB_env* environment, int lock_file)
      : environment_(environment), lock_file_(lock_file) {}
  ~LmdbStore() override {
    mdb_env_close(environment_);
    ::close(lock_file_);  // lets the next process in
  }

  Result<std::unique_ptr<ReadTransaction>> begin_read() override;
  Result<std::unique_ptr<WriteTransaction>> begin_write() override;
  Uuid instance_id() const override { return instance_id_; }

  // Reads or writes the table that says what the file is.
  Status agree_on_format(const LmdbOptions& options);
  Status check_file_is_whole(const std::string& path) const;

  // What a failed commit means.
  Error after_failed_commit(int code);

 private:
  MDB_env* const environment_;
  const int lock_file_;
  Uuid instance_id_;
  std::atomic<bool> failed_ = false;
};

class LmdbWrite final : public WriteTransaction {
 public:
  LmdbWrite(LmdbStore& store, MDB_txn* transaction) : store_(store), transaction_(transaction) {}
  ~LmdbWrite() override {
    close_cursors();
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(transaction_, table, key);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return open_cursor(transaction_, table, &cursors_);
  }

  Result<TableHandle> open_table(std::string_view name, KeyOrder order) override {
    const auto table = TRY(open(name, order, MDB_CREATE));
    return *table;
  }
  Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder order) override {
    return open(name, order, 0);
  }
  Result<std::vector<std::string>> table_names() override;
  Status clear_table(TableHandle table) override {
    return checked(mdb_drop(transaction_, table.value(), 0));
  }
  Status remove_table(TableHandle table) override {
    return checked(mdb_drop(transaction_, table.value(), 1));
  }

  Status put(TableHandle table, std::string_view key, std::string_view value) override {
    return write(table, key, value, 0);
  }
  Status append(TableHandle table, std::string_view key, std::string_view value) override {
    return write(table, key, value, MDB_APPEND);
  }
  Result<bool> erase(TableHandle table, std::string_view key) override {
    MDB_val at = value_of(key);
    const int code = mdb_del(transaction_, table.value(), &at, nullptr);
    if (code == MDB_NOTFOUND) return false;
    TRY(checked(code));
    return true;
  }
  Result<size_t> erase_range(TableHandle table, std::string_view first_key,
                             std::string_view end_key, size_t max_count) override;
  Status commit() override {
    close_cursors();
    const int code = mdb_txn_commit(std::exchange(transaction_, nullptr));
    if (code != 0) return store_.after_failed_commit(code);
    return {};
  }

 private:
  void close_cursors() {
    for (LmdbCursor* cursor : cursors_) cursor->close();
    cursors_.clear();
  }
  static Status checked(int code) {
    if (code != 0) return failure(code, "write the data file");
    return {};
  }
  Result<std::optional<TableHandle>> open(std::string_view name, KeyOrder order, unsigned flags) {
    if (order == KeyOrder::Integer) flags |= MDB_INTEGERKEY;
    MDB_dbi table;
    const int code = mdb_dbi_open(transaction_, std::string(name).c_str(), flags, &table);
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0) return failure(code, "open a table of the data file");
    return TableHandle{table};
  }
  Status write(TableHandle table, std::string_view key, std::string_view value, unsigned flags) {
    assert(!key.empty() && key.size() <= kMaxKeySize);
    MDB_val at = value_of(key), what = value_of(value);
    const int code = mdb_put(transaction_, table.value(), &at, &what, flags);
    assert(code != MDB_KEYEXIST);  // the caller appended below the last key
    return checked(code);
  }

  LmdbStore& store_;
  MDB_txn* transaction_;
  OpenCursors cursors_;
};

Result<std::vector<std::string>> LmdbWrite::table_names() {
  MDB_dbi names_table;
  if (const int code = mdb_dbi_open(transaction_, nullptr, 0, &names_table); code != 0)
    return failure(code, "read the data file");
  const auto cursor = TRY(open_cursor(transaction_, TableHandle{names_table}, &cursors_));
  std::vector<std::string> names;
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next()))
    names.emplace_back(entry->key);
  return names;
}

Result<size_t> LmdbWrite::erase_range(TableHandle table, std::string_view first_key,
                                      std::string_view end_key, size_t max_count) {
  MDB_cursor* cursor;
  TRY(checked(mdb_cursor_open(transaction_, table.value(), &cursor)));
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closer(cursor, mdb_cursor_close);
  MDB_val end = value_of(end_key);
  size_t count = 0;
  for (; count < max_count; ++count) {
    // Sought anew each time: where a cursor stands after a deletion depends on how pages merged.
    MDB_val key = value_of(first_key), value;
    const int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code == MDB_NOTFOUND) break;
    TRY(checked(code));
    if (mdb_cmp(transaction_, table.value(), &key, &end) >= 0) break;
    TRY(checked(mdb_cursor_del(cursor, 0)));
  }
  return count;
}

Result<std::unique_ptr<ReadTransaction>> LmdbStore::begin_read() {
  MDB_txn* transaction;
  if (const int code = mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction); code != 0)
    return failure(code, "read the data file");
  return std::make_unique<LmdbRead>(transaction);
}

Result<std::unique_ptr<WriteTransaction>> LmdbStore::begin_write() {
  if (failed_)
    return Error{ErrorCode::StorageFailure,
                 "the data file takes no more writes after a failed one"};
  MDB_txn* transaction;
  if (const int code = mdb_txn_begin(environment_, nullptr, 0, &transaction); code != 0)
    return failure(code, "write the data file");
  return std::make_unique<LmdbWrite>(*this, transaction);
}

Error LmdbStore::after_failed_commit(int code) {
  // LMDB marks its environment as broken if the page that publishes a commit may or may not have
  // been written. Else nothing of the commit can ever be seen.
  MDB_txn* probe;
  if (mdb_txn_begin(environment_, nullptr, 0, &probe) == 0) {
    mdb_txn_abort(probe);
    // A write that came out short, which is how most file systems begin to be full, is reported as
    // EIO.
    if (code == EIO)
      return {.code = ErrorCode::DiskFull,
              .message = "the disk is full or failing",
              .hint = "Free space on the disk that holds the data directory."};
    if (Error error = failure(code, "write the data file"); error.code == ErrorCode::DiskFull)
      return error;
  }
  failed_ = true;
  return {
      .code = ErrorCode::StorageFailure,
      .message = failure(code, "write the data file").message,
      .hint = "Restart the server when the disk works again; it then finds out what was stored."};
}

Status LmdbStore::agree_on_format(const LmdbOptions& options) {
  const auto transaction = TRY(begin_write());
  const bool is_new = TRY(transaction->table_names()).empty();
  const auto found = TRY(transaction->find_table(kFormatTable, KeyOrder::Bytes));
  if (!found && !is_new) return failure(MDB_INVALID, "");
  if (is_new) {
    const TableHandle table = TRY(transaction->open_table(kFormatTable, KeyOrder::Bytes));
    instance_id_ = Uuid::random();
    std::string version, instance(instance_id_.bytes.begin(), instance_id_.bytes.end());
    append_be(version, options.format_version);
    TRY(transaction->put(table, kKindKey, options.kind));
    TRY(transaction->put(table, kVersionKey, version));
    TRY(transaction->put(table, kInstanceKey, instance));
    return transaction->commit();
  }
  const auto kind = TRY(transaction->get(*found, kKindKey));
  if (kind != options.kind)
    return Error{
        ErrorCode::IncompatibleFormat,
        fmt::format("the data file holds \"{}\" and not \"{}\"", kind.value_or(""), options.kind)};
  const auto version = TRY(transaction->get(*found, kVersionKey));
  const auto instance = TRY(transaction->get(*found, kInstanceKey));
  if (!version || version->size() != sizeof(uint32_t) || !instance ||
      instance->size() != instance_id_.bytes.size())
    return failure(MDB_INVALID, "");
  if (const auto written = load_be<uint32_t>(version->data()); written > options.format_version)
    return Error{
        .code = ErrorCode::IncompatibleFormat,
        .message = fmt::format("the data file has format version {}, this server knows up to {}",
                               written, options.format_version),
        .hint = "Start a newer version of Millrace on it."};
  std::memcpy(instance_id_.bytes.data(), instance->data(), instance->size());
  return {};
}

// Reading a page beyond the end of the file would kill the process.
Status LmdbStore::check_file_is_whole(const std::string& path) const {
  MDB_envinfo info;
  MDB_stat stat;
  mdb_env_info(environment_, &info);
  mdb_env_stat(environment_, &stat);
  const size_t expected = (info.me_last_pgno + 1) * stat.ms_psize;
  const size_t size = std::filesystem::file_size(path);
  if (size < expected)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("the data file is cut: {} bytes of {}", size, expected)};
  return {};
}

// The lock is on the data file itself, so the two cannot be separated, and it ends with the
// process.
Result<int> open_and_lock(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) {
    const int code = errno;
    return failure(code, "open the data file for writing");
  }
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  const int code = errno;
  ::close(file);
  if (code != EWOULDBLOCK) return failure(code, "lock the data file");
  return Error{.code = ErrorCode::StorageInUse,
               .message = "the data directory is in use by another process",
               .hint = "Stop the other server, or choose another data directory."};
}

Result<std::unique_ptr<KeyValueStore>> open_store(const std::string& directory,
                                                  const std::string& path,
                                                  const LmdbOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot make the data directory: {}", failed.message())};
  const int lock_file = TRY(open_and_lock(path));

  MDB_env* environment = nullptr;
  if (const int code = mdb_env_create(&environment); code != 0) {
    ::close(lock_file);
    return failure(code, "open the data file");
  }
  auto store = std::make_unique<LmdbStore>(environment, lock_file);
  mdb_env_set_mapsize(environment, std::min(options.map_size_bytes, kMaxMapSize));
  mdb_env_set_maxdbs(environment, options.max_tables);
  mdb_env_set_maxreaders(environment, options.max_readers);
  if (const int code = mdb_env_open(environment, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0640);
      code != 0)
    return failure(code, "open the data file");
  TRY(store->check_file_is_whole(path));
  TRY(store->agree_on_format(options));
  return store;
}

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_lmdb_store(const std::string& directory,
                                                       const LmdbOptions& options) {
  const std::string path = directory + "/" + options.kind + ".mdb";
  auto store = open_store(directory, path, options);
  if (!store && store.error().detail.empty())
    store.error().detail = fmt::format("The data file is \"{}\".", path);
  return store;
}

}  // namespace storage
