#include "storage/kv/lmdb_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <filesystem>
#include <system_error>

#include "base/bytes.h"
#include "storage/kv/bus_error.h"
#include "storage/kv/lmdb_transaction.h"

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

class LmdbStore final : public KeyValueStore {
 public:
  LmdbStore(MDB_env* environment, int lock_file, const std::string& path)
      : environment_(environment), lock_file_(lock_file), path_(path) {}
  ~LmdbStore() override {
    forget_mapped_file(mapped_file_);
    idle_reads_.clear();
    mdb_env_close(environment_);
    ::close(lock_file_);  // lets the next process in
  }

  Result<std::unique_ptr<ReadTransaction>> begin_read() override;
  Result<std::unique_ptr<WriteTransaction>> begin_write() override;
  Uuid instance_id() const override { return instance_id_; }
  uint64_t free_bytes(uint64_t enough) override;

  // Reads or writes the table that says what the file is.
  Status agree_on_format(const LmdbOptions& options);
  Status check_file_is_whole() const;
  // From here on a page that cannot be read is reported with the file's name.
  void note_mapping();

 private:
  void keep_file_whole();
  // What the file holds according to LMDB.
  uint64_t counted_bytes(const MDB_envinfo& info) const;
  // What a failed commit means.
  Error after_failed_commit(int code);
  // Pages that were freed, which the next writes use before the file grows. Walks the list of them.
  uint64_t free_bytes_in_file(uint64_t enough) const;

  MDB_env* const environment_;
  const int lock_file_;
  const std::string path_;
  int mapped_file_ = -1;
  Uuid instance_id_;
  IdleReads idle_reads_;
  std::atomic<bool> failed_ = false;
  size_t whole_until_page_ = 0;  // the writing thread's
};

Result<std::unique_ptr<ReadTransaction>> LmdbStore::begin_read() {
  MDB_txn* transaction = idle_reads_.take();
  const int code = transaction ? mdb_txn_renew(transaction)
                               : mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
  if (code == 0) return wrap_lmdb_read(transaction, idle_reads_);
  if (transaction) mdb_txn_abort(transaction);
  return lmdb_failure(code, "read the data file");
}

Result<std::unique_ptr<WriteTransaction>> LmdbStore::begin_write() {
  if (failed_)
    return Error{ErrorCode::StorageFailure,
                 "the data file takes no more writes after a failed one"};
  MDB_txn* transaction;
  if (const int code = mdb_txn_begin(environment_, nullptr, 0, &transaction); code != 0)
    return lmdb_failure(code, "write the data file");
  return wrap_lmdb_write(transaction, [this](int code) -> Status {
    if (code != 0) return after_failed_commit(code);
    keep_file_whole();
    return {};
  });
}

// Pages that a transaction took at the file's end and gave back are counted, and not written: the
// file may be shorter than what was counted, which at the next start would look like a cut one. When
// that cannot be mended now, a later commit does.
void LmdbStore::keep_file_whole() {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  if (info.me_last_pgno <= whole_until_page_) return;
  struct stat file;
  const auto size = static_cast<off_t>(counted_bytes(info));
  if (::fstat(lock_file_, &file) != 0) return;
  if (file.st_size < size && (::ftruncate(lock_file_, size) != 0 || ::fdatasync(lock_file_) != 0))
    return;
  whole_until_page_ = info.me_last_pgno;
}

uint64_t LmdbStore::counted_bytes(const MDB_envinfo& info) const {
  MDB_stat stat;
  mdb_env_stat(environment_, &stat);
  return (uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
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
              .hint =
                  "Free space on the disk that holds the data directory; if it has space, look for "
                  "its errors in the system's log."};
    if (Error error = lmdb_failure(code, "write the data file"); error.code == ErrorCode::DiskFull)
      return error;
  }
  failed_ = true;
  return {
      .code = ErrorCode::StorageFailure,
      .message = lmdb_failure(code, "write the data file").message,
      .hint = "Restart the server when the disk works again; it then finds out what was stored."};
}

// --- Space

uint64_t LmdbStore::free_bytes(uint64_t enough) {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  const uint64_t used = counted_bytes(info);
  uint64_t growth = info.me_mapsize > used ? info.me_mapsize - used : 0;
  struct statvfs disk;
  if (::statvfs(path_.c_str(), &disk) == 0)
    growth = std::min<uint64_t>(growth, uint64_t{disk.f_bavail} * disk.f_frsize);
  return growth >= enough ? growth : growth + free_bytes_in_file(enough - growth);
}

// LMDB keeps the numbers of free pages in its table 0: each value is a count and so many page
// numbers.
uint64_t LmdbStore::free_bytes_in_file(uint64_t enough) const {
  constexpr MDB_dbi kFreePages = 0;
  MDB_stat stat;
  mdb_env_stat(environment_, &stat);
  MDB_txn* transaction;
  if (mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction) != 0) return 0;
  const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> ender(transaction, mdb_txn_abort);
  MDB_cursor* cursor;
  if (mdb_cursor_open(transaction, kFreePages, &cursor) != 0) return 0;
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closer(cursor, mdb_cursor_close);
  uint64_t bytes = 0;
  MDB_val key, value;
  while (bytes < enough && mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
    size_t pages;
    assert(value.mv_size >= sizeof pages);
    std::memcpy(&pages, value.mv_data, sizeof pages);
    bytes += uint64_t{pages} * stat.ms_psize;
  }
  return bytes;
}

void LmdbStore::note_mapping() { mapped_file_ = note_mapped_file(path_); }

// --- Opening

Status LmdbStore::agree_on_format(const LmdbOptions& options) {
  const auto transaction = TRY(begin_write());
  const bool is_new = TRY(transaction->table_names()).empty();
  const auto found = TRY(transaction->find_table(kFormatTable, KeyOrder::Bytes));
  if (!found && !is_new) return lmdb_failure(MDB_INVALID, "");
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
    return lmdb_failure(MDB_INVALID, "");
  const auto written = load_be<uint32_t>(version->data());
  if (written < options.oldest_format_version)
    return Error{.code = ErrorCode::IncompatibleFormat,
                 .message = fmt::format(
                     "the data file has format version {}, this server knows {} and later", written,
                     options.oldest_format_version),
                 .hint = "Start the version of Millrace that wrote it, or an empty directory."};
  if (written > options.format_version)
    return Error{
        .code = ErrorCode::IncompatibleFormat,
        .message = fmt::format("the data file has format version {}, this server knows up to {}",
                               written, options.format_version),
        .hint = "Start a newer version of Millrace on it."};
  std::memcpy(instance_id_.bytes.data(), instance->data(), instance->size());
  return {};
}

// Reading a page beyond the end of the file would kill the process.
Status LmdbStore::check_file_is_whole() const {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  const uint64_t expected = counted_bytes(info);
  std::error_code failed;
  const size_t size = std::filesystem::file_size(path_, failed);
  if (failed)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot read the size of the data file: {}", failed.message())};
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
    return lmdb_failure(code, "open the data file for writing");
  }
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  const int code = errno;
  ::close(file);
  if (code != EWOULDBLOCK) return lmdb_failure(code, "lock the data file");
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
    return lmdb_failure(code, "open the data file");
  }
  auto store = std::make_unique<LmdbStore>(environment, lock_file, path);
  mdb_env_set_mapsize(environment, std::min(options.map_size_bytes, kMaxMapSize));
  mdb_env_set_maxdbs(environment, options.max_tables);
  mdb_env_set_maxreaders(environment, options.max_readers);
  if (const int code = mdb_env_open(environment, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0640);
      code != 0)
    return lmdb_failure(code, "open the data file");
  TRY(store->check_file_is_whole());
  store->note_mapping();
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
