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
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <span>
#include <system_error>
#include <vector>

#include "base/bytes.h"
#include "base/memory_budget.h"
#include "storage/kv/bus_error.h"
#include "storage/kv/deferred_write.h"
#include "storage/kv/deferred_writes.h"
#include "storage/kv/endless_call.h"
#include "storage/kv/journal_replay.h"
#include "storage/kv/journaled_commits.h"
#include "storage/kv/lmdb_transaction.h"
#include "storage/kv/sync_directory.h"
#include "storage/kv/written_ahead.h"

namespace storage {

namespace {

// Under ThreadSanitizer the address space is limited, because the sanitizer uses most of it.
#if defined(__SANITIZE_THREAD__)
constexpr size_t kMaxMapSize = size_t{16} << 30;
#else
constexpr size_t kMaxMapSize = SIZE_MAX;
#endif

constexpr std::chrono::seconds kLookAtReadersEvery{1};

// LMDB has a slot for each read transaction. JournaledCommits needs three for itself: each of them keeps LMDB from
// reusing the pages of a root (the page that leads to all others). These are the root that is durable, the one that is
// being synced, and one that is being read.
constexpr uint32_t kReadersOfJournal = 3;

// Limit for the bytes that applying the pending changes may write after the used pages. It is
// enough for 80 KB of changes to 64 tables at 100 places between other keys, including the pages
// that lead to them, split pages, and the list of free pages.
constexpr uint64_t kDeferredBytes = 2 << 20;

// The suffix of a file's name until it is complete.
constexpr const char* kUnfinished = ".new";

// The keys of the entries that describe the file: its kind, and its random instance id.
constexpr std::string_view kKindKey = "kind", kInstanceKey = "instance";

class LmdbStore final : public KeyValueStore, public DeferredWrites {
 public:
  LmdbStore(MDB_env* environment, int lock_file, const std::string& path)
      : environment_(environment), lock_file_(lock_file), path_(path), ahead_(lock_file) {}
  ~LmdbStore() override {
    forget_mapped_file(mapped_file_);
    idle_reads_.clear();
    journaled_.reset();
    mdb_env_close(environment_);
    ::close(lock_file_);  // releases the lock, so that another process can open the file
  }

  Result<std::unique_ptr<ReadTransaction>> begin_read() override;
  Result<std::unique_ptr<WriteTransaction>> begin_write() override;
  std::unique_ptr<WriteTransaction> begin_deferred() override;
  bool are_lost() const override { return journaled_ && journaled_->are_pending_lost(); }
  Uuid instance_id() const override { return instance_id_; }
  uint64_t free_bytes(uint64_t enough) override;
  void prepare_growth() override;

  // Writes the table that describes the file if the file is new, and otherwise checks it.
  Status agree_on_format(const LmdbOptions& options);
  // Extends the file if only free pages are missing at its end. Fails with StorageFailure if other
  // pages are missing. Called before anything is read.
  Status make_file_whole() const;
  // Registers the addresses of the mapped file, so that a page that cannot be read is reported with
  // the file's name.
  void note_mapping();
  // Begins to use the journal, for all later transactions.
  Status begin_journal();

 private:
  // Calls `visit` with the page numbers of each entry of LMDB's list of free pages, until `visit`
  // returns false. Visits nothing if the list cannot be read.
  void visit_free_pages(const std::function<bool(std::span<const size_t>)>& visit) const;
  bool are_all_free(uint64_t first_page, uint64_t end_page) const;
  // Returns the number of bytes of all pages that LMDB has used so far.
  uint64_t counted_bytes(const MDB_envinfo& info) const;
  void forget_dead_readers();
  Result<std::unique_ptr<ReadTransaction>> begin_read(const BeforeRead& before_next);
  Status commit(MDB_txn* ending);
  Status make_pending();
  // Returns the error to report for a failed commit of LMDB.
  Error after_failed_commit(int code);
  // Returns the size of the freed pages, which later writes use before the file grows. Stops
  // counting at `enough` bytes.
  uint64_t free_bytes_in_file(uint64_t enough) const;

  MDB_env* const environment_;
  const int lock_file_;
  const std::string path_;
  int mapped_file_ = -1;
  MappedPages mapped_pages_;
  Uuid instance_id_;
  IdleReads idle_reads_;
  std::atomic<bool> failed_ = false;
  RecordedChanges changes_{JournaledCommits::kMostChangeBytes};  // used by the thread that writes
  std::unique_ptr<JournaledCommits> journaled_;                  // null: no journal
  WrittenAhead ahead_;                                           // used by the thread that writes
  std::chrono::steady_clock::time_point next_look_at_readers_;   // used by the thread that writes
  // makes pending changes visible before a read; empty without a journal
  BeforeRead before_read_;
  const BeforeRead no_work_;
  const BeginSnapshot begin_snapshot_ = [this] { return begin_read(no_work_); };
};

Result<std::unique_ptr<ReadTransaction>> LmdbStore::begin_read() {
  if (before_read_) TRY(before_read_());
  return begin_read(before_read_);
}

Result<std::unique_ptr<ReadTransaction>> LmdbStore::begin_read(const BeforeRead& before_next) {
  MDB_txn* transaction = idle_reads_.take();
  const int code = transaction ? mdb_txn_renew(transaction)
                               : mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction);
  if (code == 0) return wrap_lmdb_read(transaction, mapped_pages_, idle_reads_, before_next);
  if (transaction) mdb_txn_abort(transaction);
  return lmdb_failure(code, "read the data file");
}

Result<std::unique_ptr<WriteTransaction>> LmdbStore::begin_write() {
  if (failed_)
    return Error{ErrorCode::StorageFailure, "the data file accepts no writes after a failed one"};
  forget_dead_readers();
  if (journaled_) TRY(make_pending());
  if (journaled_ && changes_.take_failure()) journaled_->let_pages_go();
  MDB_txn* transaction;
  if (const int code = mdb_txn_begin(environment_, nullptr, 0, &transaction); code != 0)
    return lmdb_failure(code, "write the data file");
  return wrap_lmdb_write(transaction, mapped_pages_, journaled_ ? &changes_ : nullptr,
                         [this](MDB_txn* ending) { return commit(ending); });
}

// The space for the pages of a deferred commit is reserved before the commit is acknowledged,
// because an error about a full disk could not be reported to the caller afterwards.
std::unique_ptr<WriteTransaction> LmdbStore::begin_deferred() {
  if (failed_ || !journaled_ || changes_.has_failure()) return nullptr;
  forget_dead_readers();
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  const uint64_t used_bytes = counted_bytes(info);
  if (used_bytes + kDeferredBytes > info.me_mapsize ||
      !ahead_.has_ahead(used_bytes, kDeferredBytes))
    return nullptr;
  const auto commit = journaled_->begin_deferred();
  return commit ? make_deferred_write(*commit, *journaled_, changes_, begin_snapshot_) : nullptr;
}

Status LmdbStore::make_pending() {
  const int code = journaled_->make_pending();
  return code == 0 ? Status{} : lmdb_failure(code, "write the data file");
}

Status LmdbStore::commit(MDB_txn* ending) {
  const int code = journaled_ ? journaled_->commit(ending, changes_)
                              : guarded([&] { return mdb_txn_commit(ending); });
  return code == 0 ? Status{} : after_failed_commit(code);
}

// Releases the snapshots of processes that have died. Other processes may read the file
// (lmdb_snapshot.h), and without this LMDB would keep the pages of a dead process's snapshot for
// ever.
void LmdbStore::forget_dead_readers() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_at_readers_) return;
  next_look_at_readers_ = now + kLookAtReadersEvery;
  int dead = 0;
  mdb_reader_check(environment_, &dead);
}

uint64_t LmdbStore::counted_bytes(const MDB_envinfo& info) const {
  MDB_stat stat;
  mdb_env_stat(environment_, &stat);
  return (uint64_t{info.me_last_pgno} + 1) * stat.ms_psize;
}

Error LmdbStore::after_failed_commit(int code) {
  if (code == kDamagedPage) {  // the transaction that was ended holds LMDB's lock for ever
    failed_ = true;
    return lmdb_failure(code, "write the data file");
  }
  // If the write of the page that publishes a commit has failed, its outcome is unknown, and LMDB
  // marks its environment as broken. In all other cases no part of the commit can become visible.
  MDB_txn* probe;
  const bool is_unknown = journaled_ && journaled_->has_failed();
  if (!is_unknown && mdb_txn_begin(environment_, nullptr, 0, &probe) == 0) {
    mdb_txn_abort(probe);
    // Most file systems report a full disk by a short write. LMDB then returns EIO.
    if (code == EIO)
      return {.code = ErrorCode::DiskFull,
              .message = "the disk is full or failing",
              .hint =
                  "Free space on the disk that holds the data directory. If the disk has space, "
                  "look for its errors in the system log."};
    // LMDB detects this damage while it counts the free pages, before it writes anything. So the
    // store can continue.
    if (Error error = lmdb_failure(code, "write the data file");
        error.code == ErrorCode::DiskFull || error.code == ErrorCode::DataCorrupted)
      return error;
  }
  failed_ = true;
  return {.code = ErrorCode::StorageFailure,
          .message = lmdb_failure(code, "write the data file").message,
          .hint =
              "Restart the server when the disk works again. The server then determines which data "
              "was stored."};
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

void LmdbStore::prepare_growth() {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  ahead_.keep_up(counted_bytes(info));
}

uint64_t LmdbStore::free_bytes_in_file(uint64_t enough) const {
  MDB_stat stat;
  mdb_env_stat(environment_, &stat);
  uint64_t bytes = 0;
  visit_free_pages([&](std::span<const size_t> pages) {
    bytes += uint64_t{pages.size()} * stat.ms_psize;
    return bytes < enough;
  });
  return bytes;
}

// LMDB keeps the list of free pages in its table 0.
void LmdbStore::visit_free_pages(const std::function<bool(std::span<const size_t>)>& visit) const {
  constexpr MDB_dbi kFreePages = 0;
  MDB_txn* transaction;
  if (mdb_txn_begin(environment_, nullptr, MDB_RDONLY, &transaction) != 0) return;
  const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> ender(transaction, mdb_txn_abort);
  MDB_cursor* cursor;
  if (mdb_cursor_open(transaction, kFreePages, &cursor) != 0) return;
  const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> closer(cursor, mdb_cursor_close);
  MDB_val key, value;
  size_t before = 0;  // number of the previous transaction; the numbers begin with 1
  std::vector<size_t> pages;
  while (guarded([&] { return mdb_cursor_get(cursor, &key, &value, MDB_NEXT); }) == 0) {
    size_t count = 0, number = 0;
    if (value.mv_size < sizeof count || key.mv_size != sizeof number) return;
    std::memcpy(&number, key.mv_data, sizeof number);
    if (number <= before) return;  // must ascend: a damaged page may lead in a circle
    before = number;
    std::memcpy(&count, value.mv_data, sizeof count);
    if (count > value.mv_size / sizeof count - 1) return;
    pages.resize(count);
    std::memcpy(pages.data(), static_cast<const char*>(value.mv_data) + sizeof count,
                count * sizeof count);
    if (!visit(pages)) return;
  }
}

bool LmdbStore::are_all_free(uint64_t first_page, uint64_t end_page) const {
  std::vector<bool> is_free(end_page - first_page);
  uint64_t left = is_free.size();
  visit_free_pages([&](std::span<const size_t> pages) {
    for (const size_t page : pages) {
      if (page < first_page || page >= end_page || is_free[page - first_page]) continue;
      is_free[page - first_page] = true;
      --left;
    }
    return left > 0;
  });
  return left == 0;
}

void LmdbStore::note_mapping() {
  mapped_file_ = note_mapped_file(path_);
  const auto [begin, end] = addresses_of(mapped_file_);
  MDB_stat stat;
  mdb_env_stat(environment_, &stat);
  mapped_pages_ = MappedPages(begin, end, stat.ms_psize);
}

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
    return Error{ErrorCode::IncompatibleFormat,
                 fmt::format("the data file holds \"{}\" instead of \"{}\"", kind.value_or(""),
                             options.kind)};
  const auto version = TRY(transaction->get(*found, kVersionKey));
  const auto instance = TRY(transaction->get(*found, kInstanceKey));
  if (!version || version->size() != sizeof(uint32_t) || !instance ||
      instance->size() != instance_id_.bytes.size())
    return lmdb_failure(MDB_INVALID, "");
  const auto written = load_be<uint32_t>(version->data());
  if (written < options.oldest_format_version)
    return Error{.code = ErrorCode::IncompatibleFormat,
                 .message = fmt::format(
                     "the data file has format version {}, but this server supports versions from "
                     "{} on",
                     written, options.oldest_format_version),
                 .hint =
                     "Start the version of Millrace that wrote it, or choose an empty data "
                     "directory."};
  const uint32_t newest = std::max(options.format_version, options.newest_format_version);
  if (written > newest)
    return Error{
        .code = ErrorCode::IncompatibleFormat,
        .message = fmt::format("the data file has format version {}, but this server supports "
                               "versions up to {}",
                               written, newest),
        .hint = "Start a newer version of Millrace on it."};
  std::memcpy(instance_id_.bytes.data(), instance->data(), instance->size());
  if (written >= options.format_version) return {};
  // The newer version is written into the file, because from now on the file may have data that the
  // older version cannot read.
  std::string version_now;
  append_be(version_now, options.format_version);
  TRY(transaction->put(*found, kVersionKey, version_now));
  return transaction->commit();
}

// LMDB counts pages that a transaction took at the file's end and gave back, but it may never have
// written them. If only such pages are missing, the file is complete. If other pages are missing, a
// read beyond the end of the file would kill the process.
Status LmdbStore::make_file_whole() const {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  const uint64_t expected = counted_bytes(info);
  struct stat file;
  if (::fstat(lock_file_, &file) != 0) return lmdb_failure(errno, "read the size of the data file");
  const auto size = static_cast<uint64_t>(file.st_size);
  if (size >= expected) return {};
  // Extends the file before the list of free pages is read. The list itself may lie in a missing page. A read beyond
  // the end of the file would kill the process, but the extended file has zeros there, which LMDB recognizes as damage.
  if (::ftruncate(lock_file_, static_cast<off_t>(expected)) != 0)
    return lmdb_failure(errno, "write the data file");
  const uint64_t page_size = expected / (uint64_t{info.me_last_pgno} + 1);
  if (are_all_free(size / page_size, uint64_t{info.me_last_pgno} + 1)) return {};
  [[maybe_unused]] const int as_found = ::ftruncate(lock_file_, file.st_size);
  return Error{ErrorCode::StorageFailure,
               fmt::format("the data file is truncated: {} bytes of {}", size, expected)};
}

Status LmdbStore::begin_journal() {
  journaled_ =
      TRY(JournaledCommits::begin(environment_, lock_file_, mapped_pages_, journal_path_of(path_)));
  before_read_ = [this] { return make_pending(); };
  return {};
}

// The beginning of the message of lmdb_failure() for a full disk, and of the error of a failed
// commit.
constexpr std::string_view kDiskIsFull = "the disk is full";

// Returns an error that names the full disk, for the operator that starts the server.
Error no_space_for(const std::string& path) {
  struct statvfs disk;
  const bool is_known = ::statvfs(std::filesystem::path(path).parent_path().c_str(), &disk) == 0;
  return Error{
      .code = ErrorCode::DiskFull,
      .message = fmt::format(
          "cannot write to {}: no space left on device{}", path,
          is_known ? fmt::format(" ({} free)", format_bytes(disk.f_bavail * disk.f_frsize)) : ""),
      .hint = "free some space or choose another --data-dir; nothing was changed"};
}

// Opens the data file and locks it. The lock is on the data file itself, so that it cannot be
// separated from the data, and it ends with the process.
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

// Opens the store in a locked file. Takes ownership of the lock.
Result<std::unique_ptr<KeyValueStore>> open_locked(const std::string& path, int lock_file,
                                                   const LmdbOptions& options) {
  MDB_env* environment = nullptr;
  const size_t map_size = std::min(options.map_size_bytes, kMaxMapSize);
  Status replayed = replay_journal(path, lock_file, {map_size, options.max_tables});
  if (const int code = replayed ? mdb_env_create(&environment) : 0; code != 0)
    replayed = lmdb_failure(code, "open the data file");
  if (!replayed) {
    ::close(lock_file);
    return std::move(replayed).error();
  }
  watch_guarded_calls();
  auto store = std::make_unique<LmdbStore>(environment, lock_file, path);
  mdb_env_set_assert(environment, end_guarded_call);
  mdb_env_set_mapsize(environment, map_size);
  mdb_env_set_maxdbs(environment, options.max_tables);
  mdb_env_set_maxreaders(environment, options.max_readers + kReadersOfJournal);
  if (const int code = mdb_env_open(environment, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0640);
      code != 0)
    return lmdb_failure(code, "open the data file");
  TRY(store->make_file_whole());
  store->note_mapping();
  TRY(store->agree_on_format(options));
  if (options.has_commit_journal && !path.ends_with(kUnfinished)) TRY(store->begin_journal());
  return store;
}

// Creates a data file and returns its lock. LMDB writes the first pages of a new file without
// syncing them, so a power cut could leave a file that is neither empty nor a data file. So the
// file is created under another name, and is renamed when it is durable.
Result<int> make_file(const std::string& path, const LmdbOptions& options) {
  const std::string unfinished = path + kUnfinished;
  std::error_code ignored;
  std::filesystem::remove(unfinished, ignored);  // left by an interrupted start
  const int making = TRY(open_and_lock(unfinished));
  TRY(open_locked(unfinished, making, options));
  std::filesystem::remove(unfinished + "-lock", ignored);
  const int lock_file = TRY(open_and_lock(unfinished));
  Status named = name_file(unfinished, path);
  if (named) return lock_file;
  ::close(lock_file);
  return std::move(named).error();
}

Result<std::unique_ptr<KeyValueStore>> open_store(const std::string& directory,
                                                  const std::string& path,
                                                  const LmdbOptions& options) {
  std::error_code failed;
  if (std::filesystem::create_directories(directory, failed))
    TRY(sync_directory(std::filesystem::absolute(directory).parent_path()));
  if (failed)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot make the data directory: {}", failed.message())};
  int lock_file = TRY(open_and_lock(path));
  struct stat file;
  if (::fstat(lock_file, &file) == 0 && file.st_size == 0) {
    // The lock on the empty file is held until the new file has its name, so a process that opens
    // the file meanwhile finds it locked.
    const int empty_file = lock_file;
    Result<int> made = make_file(path, options);
    ::close(empty_file);
    lock_file = TRY(std::move(made));
  }
  return open_locked(path, lock_file, options);
}

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_lmdb_store(const std::string& directory,
                                                       const LmdbOptions& options) {
  const std::string path = directory + "/" + options.kind + ".mdb";
  auto store = open_store(directory, path, options);
  if (!store && store.error().code == ErrorCode::DiskFull &&
      store.error().message.starts_with(kDiskIsFull))
    return no_space_for(path);
  if (!store && store.error().detail.empty())
    store.error().detail = fmt::format("The data file is \"{}\".", path);
  return store;
}

}  // namespace storage
