#include "storage/kv/journaled_commits.h"

#include <lmdb.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "storage/kv/crash_point.h"
#include "storage/kv/lmdb_transaction.h"

namespace storage {

namespace {

// The data file is synced after this many commits or bytes of changes. The limits bound the pages
// that are written without a sync and the pages that must not be reused.
constexpr size_t kCommitsBetweenSyncs = 64, kBytesBetweenSyncs = 512 << 10;

// For larger changes the disk takes longer than the processor, so deferring the writes of pages
// saves no time.
constexpr size_t kMostDeferredBytes = 16 << 10;

Status sync_file(int file) {
  if (::fdatasync(file) == 0) return {};
  return lmdb_failure(errno, "sync the data file");
}

}  // namespace

Result<std::unique_ptr<JournaledCommits>> JournaledCommits::begin(MDB_env* environment, int file,
                                                                  const MappedPages& pages,
                                                                  const std::string& journal_path) {
  const Uuid identity = Uuid::random();
  auto journal = TRY(CommitJournal::make(journal_path, identity));
  TRY(sync_file(file));
  // The journal gets its first entry before the data file names the journal. So a journal without
  // an entry of this identity belongs to another directory. It is not confused with the journal of
  // a server that was killed before its first commit.
  KeptRoot root = TRY(KeptRoot::take(environment, file));
  TRY(journal->append({.commit = root.root().commit(),
                       .changes = {},
                       .root = root.root().bytes(),
                       .root_commit = root.root().commit()}));
  TRY(write_journal_of_file(file, identity));
  TRY(sync_file(file));
  return std::unique_ptr<JournaledCommits>(
      new JournaledCommits(environment, file, pages, std::move(journal), std::move(root)));
}

JournaledCommits::JournaledCommits(MDB_env* environment, int file, const MappedPages& pages,
                                   std::unique_ptr<CommitJournal> journal, KeptRoot root)
    : environment_(environment),
      file_(file),
      journal_(std::move(journal)),
      durable_(std::move(root)),
      is_durable_named_(true),
      syncer_(file),
      pending_(environment, pages) {}

JournaledCommits::~JournaledCommits() {
  if (pending_.make() != 0 || has_failed_ || !sync_file(file_)) return;
  if (write_journal_of_file(file_, {})) [[maybe_unused]]
    const Status synced = sync_file(file_);
}

int JournaledCommits::commit(MDB_txn* transaction, const RecordedChanges& changes) {
  look_at_syncer();
  if (has_failed_) {
    mdb_txn_abort(transaction);
    return EIO;
  }
  const std::string_view bytes = changes.bytes();
  if (is_journal_lost_ || own_commits_left_ > 0 || !changes.is_whole() || bytes.empty())
    return commit_at_once(transaction);
  if (!durable_) {
    // `transaction` is not committed yet, and has used only pages that were free before the last commit. So all pages
    // of the last commit still have their content, and its root can be kept.
    auto root = KeptRoot::take(environment_, file_);
    if (!root) return commit_at_once(transaction);
    durable_ = *std::move(root);
    is_durable_named_ = false;
  }
  const size_t root_bytes = durable_->root().bytes().size();
  if (!journal_->has_room(root_bytes, bytes.size(), durable_->root().commit()))
    return commit_at_once(transaction);
  if (!write_entry(mdb_txn_id(transaction), bytes)) {
    is_journal_lost_ = true;
    has_failed_ = !journal_->take_back();
    if (!has_failed_) return commit_at_once(transaction);
    mdb_txn_abort(transaction);
    return EIO;
  }
  pass(CrashPoint::AfterCommitJournal);
  return commit_unsynced(transaction, bytes.size());
}

std::optional<uint64_t> JournaledCommits::begin_deferred() {
  look_at_syncer();
  if (has_failed_ || is_journal_lost_ || own_commits_left_ > 0 || !durable_) return std::nullopt;
  return pending_.begin_entry();
}

bool JournaledCommits::defer(uint64_t commit, const RecordedChanges& changes, KeptPuts puts) {
  const std::string_view bytes = changes.bytes();
  const LmdbRoot& root = durable_->root();
  if (!changes.is_whole() || bytes.empty() || bytes.size() > kMostDeferredBytes ||
      changes.tables().size() > PendingChanges::kMostTables ||
      puts.size() > PendingChanges::kMostPuts ||
      !journal_->has_room(root.bytes().size(), bytes.size(), root.commit())) {
    pending_.end_entry({}, {}, {});
    return false;
  }
  const bool is_written = write_entry(commit, bytes).has_value();
  if (is_written) pass(CrashPoint::AfterCommitJournal);
  pending_.end_entry(is_written ? bytes : std::string_view(), changes.tables(), std::move(puts));
  if (!is_written) {
    is_journal_lost_ = true;
    has_failed_ = !journal_->take_back();
    return false;
  }
  note_named_root();
  const auto held = pending_.hold();  // keeps all threads from writing the root while it is read
  begin_sync_when_due(pending_.take_commits(), CommitJournal::size_in_file(0, bytes.size()));
  return true;
}

// Appends an entry to the journal. The entry names a root in three cases: a newer root has become
// durable, no entry names the durable root yet, or the entry begins a half of the journal.
Status JournaledCommits::write_entry(uint64_t commit, std::string_view changes) {
  const LmdbRoot& root = is_synced_ ? syncing_->root() : durable_->root();
  JournalEntry entry{.commit = commit, .changes = changes, .root = {}, .root_commit = 0};
  if (is_synced_ || !is_durable_named_ ||
      journal_->begins_half(root.bytes().size(), changes.size())) {
    entry.root = root.bytes();
    entry.root_commit = root.commit();
  }
  return journal_->append(entry);
}

void JournaledCommits::note_named_root() {
  if (is_synced_) durable_ = std::exchange(syncing_, std::nullopt);
  is_synced_ = false;
  is_durable_named_ = true;
}

int JournaledCommits::commit_unsynced(MDB_txn* transaction, size_t change_bytes) {
  const uint64_t commit = mdb_txn_id(transaction);
  mdb_env_set_flags(environment_, MDB_NOSYNC, 1);
  const int code = guarded([&] { return mdb_txn_commit(transaction); });
  mdb_env_set_flags(environment_, MDB_NOSYNC, 0);
  if (code == 0 && is_newest(commit)) {
    note_named_root();
    begin_sync_when_due(1 + pending_.take_commits(), change_bytes);
  } else if (code == 0) {  // LMDB has changed nothing, and gives the number to its next commit
    has_failed_ = !journal_->take_back();
  } else if (code == kDamagedPage || !can_go_on()) {
    has_failed_ = true;  // the entry is not removed, since the root may have been written
  } else {
    has_failed_ = !journal_->take_back();
    let_pages_go();
  }
  return code;
}

// Commits with LMDB's own syncs, which also cover all pages that were written before.
int JournaledCommits::commit_at_once(MDB_txn* transaction) {
  const uint64_t commit = mdb_txn_id(transaction);
  const int code = guarded([&] { return mdb_txn_commit(transaction); });
  if (code == kDamagedPage) return code;
  if (code != 0) {
    if (can_go_on()) let_pages_go();
    return code;
  }
  if (!is_newest(commit)) return code;  // LMDB does not sync a transaction without changes
  if (own_commits_left_ > 0) --own_commits_left_;
  durable_.reset();
  syncing_.reset();
  is_synced_ = false;
  commits_since_root_ = bytes_since_root_ = 0;
  return code;
}

bool JournaledCommits::is_newest(uint64_t commit) const {
  MDB_envinfo info;
  mdb_env_info(environment_, &info);
  return info.me_last_txnid == commit;
}

// Returns whether LMDB accepts further writes. It refuses them after a failed write of a root,
// whose outcome is unknown.
bool JournaledCommits::can_go_on() const {
  MDB_txn* probe;
  if (mdb_txn_begin(environment_, nullptr, 0, &probe) != 0) return false;
  mdb_txn_abort(probe);
  return true;
}

// Called after a failed commit, whose reason may be a failed sync. The system reports a failed sync
// only once and then treats the pages as written. So everything that waits for a sync is synced
// now. If that fails, no further commit is accepted until the file is opened again. Finally the
// kept pages are released, because a full disk needs them.
void JournaledCommits::settle() {
  if (has_failed_ || !durable_) return;
  if (!sync_file(file_)) {
    has_failed_ = true;
    return;
  }
  auto root = KeptRoot::take(environment_, file_);
  if (!root || is_journal_lost_) return;
  const uint64_t commit = root->root().commit();
  if (!journal_->has_room(root->root().bytes().size(), 0, durable_->root().commit())) return;
  syncing_ = *std::move(root);
  is_synced_ = true;
  if (write_entry(commit, {})) return note_named_root();
  is_journal_lost_ = true;
  has_failed_ = !journal_->take_back();
}

void JournaledCommits::let_pages_go() {
  own_commits_left_ = kCommitsBetweenSyncs;
  settle();
}

void JournaledCommits::look_at_syncer() {
  if (!is_sync_running_) return;
  const Syncer::State state = syncer_.poll();
  if (state == Syncer::State::Running) return;
  is_sync_running_ = false;
  if (state == Syncer::State::Failed) has_failed_ = true;
  is_synced_ = is_synced_ || (syncing_ && !has_failed_);
}

void JournaledCommits::begin_sync_when_due(size_t commits, size_t change_bytes) {
  commits_since_root_ += commits;
  bytes_since_root_ += change_bytes;
  if (is_sync_running_ || syncing_) return;
  if (commits_since_root_ < kCommitsBetweenSyncs && bytes_since_root_ < kBytesBetweenSyncs) return;
  auto root = KeptRoot::take(environment_, file_);
  if (!root) return;
  syncing_ = *std::move(root);
  is_sync_running_ = true;
  commits_since_root_ = bytes_since_root_ = 0;
  syncer_.start();
}

// --- Roots

void JournaledCommits::KeptRoot::Abort::operator()(MDB_txn* read) const { mdb_txn_abort(read); }

Result<JournaledCommits::KeptRoot> JournaledCommits::KeptRoot::take(MDB_env* environment,
                                                                    int file) {
  MDB_txn* read;
  if (const int code = mdb_txn_begin(environment, nullptr, MDB_RDONLY, &read); code != 0)
    return lmdb_failure(code, "read the data file");
  auto root = LmdbRoot::read(file);
  if (root) return KeptRoot(*std::move(root), read);
  mdb_txn_abort(read);
  return std::move(root).error();
}

// --- The thread

JournaledCommits::Syncer::~Syncer() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void JournaledCommits::Syncer::start() {
  {
    std::lock_guard lock(mutex_);
    state_ = State::Running;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  changed_.notify_one();
}

JournaledCommits::Syncer::State JournaledCommits::Syncer::poll() {
  std::lock_guard lock(mutex_);
  return state_;
}

void JournaledCommits::Syncer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_ending_ || state_ == State::Running; });
    if (state_ != State::Running) return;
    lock.unlock();
    const bool is_done = sync_file(file_).has_value();
    lock.lock();
    state_ = is_done ? State::Done : State::Failed;
  }
}

}  // namespace storage
