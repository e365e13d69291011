// Commits of an LMDB file that wait for one sync instead of two.
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

// LMDB syncs a commit's pages, and behind them the root that leads to them. A small commit is written to the journal
// instead, with one sync, and then to the data file with none. From time to time a thread syncs the data file; the root
// of before, all of whose pages are durable then, is named in the next entry. After a crash that root is put back, and
// what the journal has behind it is done again: the data file's own root may lead to pages that were never written.
// A read transaction keeps LMDB from using the pages of that root for others meanwhile. A large commit goes LMDB's own
// way, and makes durable all that was before it. docs/adr/0060. Where nobody looks the data file's part is done for many
// commits at once: pending_changes.h, docs/adr/0073.
//
// Invariants: an entry is durable before LMDB writes a byte of its commit; the pages of the root that the journal names
//   last, and of one that is being synced, are not used again; where the data file's root is newer than all entries,
//   all its pages are durable.
// Threads: the one that writes; make_pending() any; destruction by anyone, afterwards.
// Owner: the store, which closes the environment after it.
class JournaledCommits {
 public:
  // What one commit may change, in bytes, to go this way.
  static constexpr size_t kMostChangeBytes = 128 << 10;

  // For a data file that is whole by itself, open as `file` too. Makes the journal where it is missing.
  static Result<std::unique_ptr<JournaledCommits>> begin(MDB_env* environment, int file,
                                                         const MappedPages& pages,
                                                         const std::string& journal_path);
  // The data file is whole by itself again, unless something has failed.
  ~JournaledCommits();

  // As mdb_txn_commit(): the transaction is over, and durable if the answer is 0. Nothing is pending when it began.
  int commit(MDB_txn* transaction, const RecordedChanges& changes);

  // A commit whose changes stay pending: its number, which it has until defer() or end_deferred(); nothing where that cannot be
  // now, or is of no use.
  std::optional<uint64_t> begin_deferred();
  // Durable when it is true; else nothing has happened, and there is the other way.
  bool defer(uint64_t commit, const RecordedChanges& changes, KeptPuts puts);
  void end_deferred() { pending_.end_entry({}, {}, {}); }
  // Between the two.
  PendingChanges::Found find_pending(TableHandle table, std::string_view key) {
    return pending_.find(table, key);
  }
  // Before anybody begins to read or to write. 0, or an error number.
  int make_pending() { return pending_.make(); }
  bool are_pending_lost() const { return pending_.are_lost(); }

  // After a write that failed, between transactions: where there is no room, pages that are kept for a crash are the next to
  // be used, and the commits that follow are LMDB's own.
  void let_pages_go();
  // Nobody knows what is durable until the file is opened again. It takes no further commits then.
  bool has_failed() const { return has_failed_; }

 private:
  // A root whose pages stay as they are while it lives.
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
    bool is_ending_ = false;     // likewise
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
  bool is_journal_lost_ = false;     // it could not be written: all commits are LMDB's own
  size_t own_commits_left_ = 0;      // of LMDB's, before the journal is used again
  std::optional<KeptRoot> durable_;  // none: all that is committed is durable
  bool is_durable_named_ = false;    // in the journal
  std::optional<KeptRoot> syncing_;  // the next one: none where all was synced while the thread did
  bool is_synced_ = false;           // and may be named
  bool is_sync_running_ = false;     // the thread's
  size_t commits_since_root_ = 0, bytes_since_root_ = 0;
  Syncer syncer_;
  PendingChanges pending_;
};

}  // namespace storage
