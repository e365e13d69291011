// Commits to an LMDB file that wait for one sync instead of two.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "storage/kv/commit_journal.h"
#include "storage/kv/lmdb_root.h"
#include "storage/kv/page_fault.h"
#include "storage/kv/pending_changes.h"
#include "storage/kv/recorded_changes.h"

namespace storage {

// LMDB syncs a commit's pages, and then the root that leads to them. Here a small commit is written
// to the journal instead, with one sync, and then to the data file without a sync. From time to
// time a thread syncs the data file; the root from before, all of whose pages are durable then, is
// named in the next entry. After a crash that root is restored, and the journal after it is
// replayed: the data file's own root may lead to pages that were never written. Meanwhile a read
// transaction keeps LMDB from reusing the pages of that root. A large commit is LMDB's own, with
// two syncs, and makes everything before it durable (docs/adr/0060). While no reader needs the data
// file, the pages of many commits are written together (pending_changes.h, docs/adr/0073).
//
// Invariants: an entry is durable before LMDB writes a byte of its commit; the pages of the root
//   that the journal names last, and of one that is being synced, are not reused; if the data
//   file's root is newer than all entries, all its pages are durable.
// Threads: the one that writes; make_pending() any; destruction by any, afterwards.
// Owner: the store, which closes the environment after it.
class JournaledCommits {
 public:
  // The most bytes that a commit may change to use the journal.
  static constexpr size_t kMostChangeBytes = 128 << 10;

  // Begins to use a journal for a data file that needs none so far and is also open as `file`.
  // Creates a missing journal.
  static Result<std::unique_ptr<JournaledCommits>> begin(MDB_env* environment, int file,
                                                         const MappedPages& pages,
                                                         const std::string& journal_path);
  // The data file needs no journal afterwards, unless something has failed.
  ~JournaledCommits();

  // Like mdb_txn_commit(): the transaction is over, and durable if the result is 0. No changes may
  // be pending when the transaction begins.
  int commit(MDB_txn* transaction, const RecordedChanges& changes);

  // Begins a commit whose changes stay pending. Returns its number, which is reserved until defer()
  // or end_deferred(); nothing if deferring is not possible now, or gains nothing.
  std::optional<uint64_t> begin_deferred();
  // Returns true if the commit is durable. If the result is false, nothing has happened, and the
  // caller uses commit().
  bool defer(uint64_t commit, const RecordedChanges& changes, KeptPuts puts);
  void end_deferred() { pending_.end_entry({}, {}, {}); }
  // Called between begin_deferred() and defer() or end_deferred().
  PendingChanges::Found find_pending(TableHandle table, std::string_view key) {
    return pending_.find(table, key);
  }
  // Called before each read or write of the store. Returns 0 or an error number.
  int make_pending() { return pending_.make(); }
  bool are_pending_lost() const { return pending_.are_lost(); }

  // Called after a failed write, between transactions. Pages that are kept for a crash are given
  // up, since a full disk may need them next, and the following commits are LMDB's own.
  void let_pages_go();
  // Returns true if it is unknown which commits are durable until the file is opened again. No
  // further commits are accepted then.
  bool has_failed() const { return has_failed_; }

 private:
  // A root whose pages are not reused while the object lives.
  class KeptRoot {
   public:
    static Result<KeptRoot> take(MDB_env* environment, int file);
    const LmdbRoot& root() const { return root_; }

   private:
    struct Abort {
      void operator()(MDB_txn* read) const;
    };
    KeptRoot(LmdbRoot root, MDB_txn* read) : root_(std::move(root)), read_(read) {}
    LmdbRoot root_;
    std::unique_ptr<MDB_txn, Abort> read_;
  };

  JournaledCommits(MDB_env* environment, int file, const MappedPages& pages,
                   std::unique_ptr<CommitJournal> journal, KeptRoot root);

  // Syncs the file on a thread of its own.
  class Syncer {
   public:
    explicit Syncer(int file) : file_(file) {}
    ~Syncer();
    void start();
    enum class State : uint8_t { Done, Running, Failed };
    State poll();

   private:
    void run();
    const int file_;
    std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::Done;  // guarded by mutex_
    bool is_ending_ = false;     // guarded by mutex_
    std::thread thread_;         // begun with the first start()
  };

  int commit_at_once(MDB_txn* transaction);
  int commit_unsynced(MDB_txn* transaction, size_t change_bytes);
  Status write_entry(uint64_t commit, std::string_view changes);
  void note_named_root();
  bool is_newest(uint64_t commit) const;
  bool can_go_on() const;
  void look_at_syncer();
  void begin_sync_when_due(size_t commits, size_t change_bytes);
  void settle();

  MDB_env* const environment_;
  const int file_;
  const std::unique_ptr<CommitJournal> journal_;
  bool has_failed_ = false;
  bool is_journal_lost_ = false;     // the journal could not be written: all commits are LMDB's own
  size_t own_commits_left_ = 0;      // LMDB's own commits before the journal is used again
  std::optional<KeptRoot> durable_;  // none: everything committed is durable
  bool is_durable_named_ = false;    // the journal names durable_
  std::optional<KeptRoot> syncing_;  // the next durable root, during its sync and until it is named
  bool is_synced_ = false;           // syncing_ is durable and may be named
  bool is_sync_running_ = false;     // the thread syncs the file
  size_t commits_since_root_ = 0, bytes_since_root_ = 0;
  Syncer syncer_;
  PendingChanges pending_;
};

}  // namespace storage
