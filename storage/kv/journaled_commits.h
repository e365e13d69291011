// Makes commits to an LMDB file wait for one sync instead of two.
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

// LMDB needs two syncs for a commit: of the commit's pages, and of the root, which is the page that
// leads to them. JournaledCommits needs one: it writes a small commit to the journal and syncs the
// journal, and then writes the commit to the data file without a sync.
//
// From time to time, a thread syncs the data file. Then all pages of the root that was newest
// before this sync are durable, and the next journal entry names that root. After a crash, the root
// in the data file may lead to pages that were never written. Therefore the root that the journal
// names is restored, and the journal entries after it are replayed. As long as the journal names a
// root, a read transaction keeps LMDB from reusing its pages.
//
// A large commit is made by LMDB itself with two syncs. It also makes all commits before it durable
// (docs/adr/0060). While no reader needs the data file, the pages of many commits are written
// together (pending_changes.h, docs/adr/0073).
//
// Invariants: an entry is durable before LMDB writes a byte of its commit; LMDB does not reuse the
//   pages of the root that the journal names last, nor those of a root that is being synced; if the
//   data file's root is newer than all entries, all its pages are durable.
// Threads: the one that writes; make_pending() any; destruction by any, afterwards.
// Owner: the store, which closes the environment after it.
class JournaledCommits {
 public:
  // Limit for the changes of a commit that uses the journal.
  static constexpr size_t kMostChangeBytes = 128 << 10;

  // Begins to use a journal for a data file that needs none so far. `file` is the same data file.
  // Creates the journal if it is missing.
  static Result<std::unique_ptr<JournaledCommits>> begin(MDB_env* environment, int file,
                                                         const MappedPages& pages,
                                                         const std::string& journal_path);
  // Applies and syncs everything, so that the data file needs no journal afterwards, unless
  // something has failed.
  ~JournaledCommits();

  // Commits in place of mdb_txn_commit(), and ends the transaction. If the result is 0, the commit
  // is durable. No changes may be pending when the transaction begins.
  int commit(MDB_txn* transaction, const RecordedChanges& changes);

  // Begins a commit that is written to the journal and whose changes stay pending. Returns the
  // commit's number, which is reserved until defer() or end_deferred(). Returns nothing if
  // deferring is not possible now or saves no time.
  std::optional<uint64_t> begin_deferred();
  // Returns true if the commit is durable. Otherwise it has no effect, and the caller uses
  // commit().
  bool defer(uint64_t commit, const RecordedChanges& changes, KeptPuts puts);
  void end_deferred() { pending_.end_entry({}, {}, {}); }
  // Called between begin_deferred() and defer() or end_deferred().
  PendingChanges::Found find_pending(TableHandle table, std::string_view key) {
    return pending_.find(table, key);
  }
  // Called before each read or write of the store. Returns 0 or an error number.
  int make_pending() { return pending_.make(); }
  bool are_pending_lost() const { return pending_.are_lost(); }

  // Called after a failed write, between transactions. Allows LMDB to reuse the pages of old roots,
  // because the reason may be a full disk, and the next write may then need these pages. The
  // following commits do not use the journal.
  void let_pages_go();
  // Returns true if it is unknown which commits are durable. No further commits are accepted until
  // the file is opened again.
  bool has_failed() const { return has_failed_; }

 private:
  // Protects a root of the data file, that is, one commit that can be restored after a crash. While this object exists,
  // LMDB does not reuse the pages to which the root leads.
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

  // Syncs the file on its own thread.
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
    std::thread thread_;         // started by the first start()
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
  // The journal could not be written. All later commits are made by LMDB itself, with two syncs.
  bool is_journal_lost_ = false;
  // Number of commits that LMDB makes itself before the journal is used again.
  size_t own_commits_left_ = 0;
  // The last root whose pages are durable; none: everything is durable.
  std::optional<KeptRoot> durable_;
  bool is_durable_named_ = false;  // an entry of the journal names durable_
  // the root that will replace durable_ when the file is synced and an entry of the journal names
  // the new root
  std::optional<KeptRoot> syncing_;
  // syncing_ is durable, so that an entry of the journal may name it
  bool is_synced_ = false;
  bool is_sync_running_ = false;  // the thread syncs the file
  size_t commits_since_root_ = 0, bytes_since_root_ = 0;
  Syncer syncer_;
  PendingChanges pending_;
};

}  // namespace storage
