#include "storage/kv/journal_replay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lmdb.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "storage/kv/bus_error.h"
#include "storage/kv/commit_journal.h"
#include "storage/kv/damage.h"
#include "storage/kv/endless_call.h"
#include "storage/kv/lmdb_root.h"
#include "storage/kv/lmdb_transaction.h"
#include "storage/kv/page_fault.h"
#include "storage/kv/recorded_changes.h"

namespace storage {

namespace {

bool is_empty(int file) {
  struct stat found;
  return ::fstat(file, &found) == 0 && found.st_size == 0;
}

Status sync_replayed_file(int file) {
  if (::fdatasync(file) == 0) return {};
  return lmdb_failure(errno, "sync the data file");
}

// Returns whether another process reads the file: it then holds a lock on the first byte of LMDB's
// lock file. Such a process has had the file open since before the crash. So no page of the file is
// lost, and the pages that the process reads must not change.
bool has_other_readers(const std::string& path) {
  const int file = ::open((path + "-lock").c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  const bool is_locked = ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  ::close(file);
  return is_locked;
}

// The data file, opened for the replay.
class Replay {
 public:
  static Result<Replay> begin(const std::string& path, const ReplayLimits& limits) {
    watch_guarded_calls();
    MDB_env* environment = nullptr;
    if (const int code = mdb_env_create(&environment); code != 0)
      return lmdb_failure(code, "open the data file");
    Replay replay(environment);
    mdb_env_set_assert(environment, end_guarded_call);
    mdb_env_set_mapsize(environment, limits.map_size_bytes);
    mdb_env_set_maxdbs(environment, limits.max_tables);
    if (const int code =
            mdb_env_open(environment, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC, 0640);
        code != 0)
      return lmdb_failure(code, "open the data file");
    replay.mapped_file_ = note_mapped_file(path);
    const auto [from, to] = addresses_of(replay.mapped_file_);
    MDB_stat stat;
    mdb_env_stat(environment, &stat);
    replay.pages_ = MappedPages(from, to, stat.ms_psize);
    // As long as this read transaction is open, LMDB does not reuse the pages of the root at which the replay begins.
    // If the process dies during the replay, the next process can therefore begin at this root again.
    MDB_txn* kept = nullptr;
    if (const int code = mdb_txn_begin(environment, nullptr, MDB_RDONLY, &kept); code != 0)
      return lmdb_failure(code, "read the data file");
    replay.kept_root_.reset(kept);
    return replay;
  }
  Replay(Replay&& other) noexcept
      : environment_(std::move(other.environment_)),
        kept_root_(std::move(other.kept_root_)),
        mapped_file_(std::exchange(other.mapped_file_, -1)),
        pages_(other.pages_) {}
  Replay& operator=(Replay&&) = delete;
  ~Replay() {
    if (mapped_file_ >= 0) forget_mapped_file(mapped_file_);
  }

  // Applies the changes of one commit. Fails with DataCorrupted if LMDB's next commit has another
  // number.
  Status apply(const ReplayedJournal::Commit& commit) {
    MDB_txn* begun = nullptr;
    if (const int code = mdb_txn_begin(environment_.get(), nullptr, 0, &begun); code != 0)
      return lmdb_failure(code, "write the data file");
    const auto transaction = wrap_lmdb_write(begun, pages_, nullptr, [](MDB_txn* ending) -> Status {
      const int code = guarded([&] { return mdb_txn_commit(ending); });
      return code == 0 ? Status{} : lmdb_failure(code, "write the data file");
    });
    if (transaction->commit_id().value() != commit.commit)
      return damaged_data("the commit journal does not belong to the data file");
    OpenedTables opened;
    for (const std::string& changes : commit.changes)
      TRY(apply_changes(changes, *transaction, opened));
    return transaction->commit();
  }

 private:
  explicit Replay(MDB_env* environment) : environment_(environment, mdb_env_close) {}
  std::unique_ptr<MDB_env, void (*)(MDB_env*)> environment_;
  // Declared after environment_, so that the transaction is destroyed before the environment.
  std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> kept_root_{nullptr, mdb_txn_abort};
  int mapped_file_ = -1;
  MappedPages pages_;
};

// Reads the journal of the data file. Fails with StorageFailure if the journal is missing, and with
// DataCorrupted if it belongs to another data file, is truncated or lacks entries.
Result<ReplayedJournal> read_journal_of(const std::string& path, const JournalOfFile& wanted) {
  const std::string journal_path = journal_path_of(path);
  auto journal = read_journal(journal_path, wanted.identity);
  if (!journal && ::access(journal_path.c_str(), F_OK) != 0)
    return Error{
        .code = ErrorCode::StorageFailure,
        .message = fmt::format("{} was not closed, and its journal is missing", path),
        .hint = fmt::format("Move {} back to the data directory: it holds the newest commits.",
                            journal_path)};
  // Continuing without the journal would lose acknowledged commits.
  if (journal && journal->root.empty() && wanted.begins_with_entry)
    return Error{
        .code = ErrorCode::DataCorrupted,
        .message = fmt::format("{} was not closed, and {} is not its journal: it has no entry of "
                               "this data file",
                               path, journal_path),
        .hint = fmt::format("Move the {} that the server used last back to the data directory: it "
                            "holds the newest commits. Otherwise restore the data directory from a "
                            "backup.",
                            std::filesystem::path(journal_path).filename().string())};
  return journal;
}

Status bring_to_end(const std::string& path, int file, const ReplayedJournal& journal,
                    const ReplayLimits& limits) {
  const LmdbRoot found = TRY(LmdbRoot::read(file));
  if (journal.root.empty() || found.commit() > journal.last_commit) return {};
  const bool is_whole = has_other_readers(path);
  if (!is_whole) {
    const LmdbRoot root = TRY(LmdbRoot::parse(journal.root));
    TRY(root.write(file));
  }
  const uint64_t begin = is_whole ? found.commit() : journal.root_commit;
  Replay replay = TRY(Replay::begin(path, limits));
  for (const auto& commit : journal.commits)
    if (commit.commit > begin) TRY(replay.apply(commit));
  return {};
}

}  // namespace

std::string journal_path_of(const std::string& data_file) {
  constexpr std::string_view kEnding = ".mdb";
  std::string path = data_file;
  if (path.ends_with(kEnding)) path.resize(path.size() - kEnding.size());
  return path + ".journal";
}

Status replay_journal(const std::string& path, int file, const ReplayLimits& limits) {
  if (is_empty(file)) return {};
  const JournalOfFile wanted = TRY(read_journal_of_file(file));
  if (wanted.identity.is_nil()) return {};
  const ReplayedJournal journal = TRY(read_journal_of(path, wanted));
  TRY(bring_to_end(path, file, journal, limits));
  TRY(sync_replayed_file(file));
  TRY(write_journal_of_file(file, {}));
  return sync_replayed_file(file);
}

Status replay_journal_of_closed(const std::string& path) {
  const int reading = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (reading < 0) return lmdb_open_failure(errno, "open the data file");
  auto journal = read_journal_of_file(reading);
  ::close(reading);
  if (!journal) return std::move(journal).error();
  if (journal->identity.is_nil()) return {};
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) {
    Error error = lmdb_open_failure(errno, "open the data file for writing");
    error.hint =
        "The file was not closed, so only the journal holds its newest commits. Make the data "
        "directory writable, or check and back up a writable copy.";
    return error;
  }
  Status replayed = {};
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) replayed = replay_journal(path, file);
  ::close(file);
  return replayed;
}

}  // namespace storage
