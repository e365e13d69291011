// An ordered key-value store with named tables, snapshot reads and one writer: the seam between our
// storage and the disk. Its implementations are LMDB (lmdb_store.h) and memory (memory_store.h),
// which forgets unsynced data when a test cuts the power.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// The greatest length of a key in bytes; the least is 1.
inline constexpr size_t kMaxKeySize = 511;

// A table within its store. Numbers are reused once a table has been removed, so a handle must not
// be used after remove_table().
using TableHandle = StrongNumber<struct TableTag, uint32_t>;

enum class KeyOrder : uint8_t {
  Bytes,    // in the order of memcmp, a prefix first
  Integer,  // 8 bytes in native byte order: see IntegerKey
};

// The key of a table with KeyOrder::Integer.
class IntegerKey {
 public:
  explicit IntegerKey(uint64_t value) : value_(value) {}
  operator std::string_view() const {  // NOLINT: implicit, a key is passed as its bytes
    return {reinterpret_cast<const char*>(&value_), sizeof value_};
  }
  static uint64_t value_of(std::string_view key);

 private:
  uint64_t value_;
};

// Returns the first key after all that begin with `prefix`; nothing if there is none.
std::optional<std::string> end_of_prefix(std::string prefix);

struct Entry {
  std::string_view key, value;
};

// Limits of one removal: the limit in bytes is exceeded by at most one entry.
struct EraseLimits {
  size_t max_count = SIZE_MAX, max_bytes = SIZE_MAX;
};
struct Erased {
  size_t count = 0, size_bytes = 0;
  bool is_all = true;  // nothing of the range is left
};

// A position in a table; unusable once its transaction is over. In a write transaction a write to
// the table invalidates the position until the next seek, first or last. Nothing is returned past
// either end.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual Result<std::optional<Entry>> seek(
      std::string_view key) = 0;  // the first entry not before `key`
  virtual Result<std::optional<Entry>> first() = 0;
  virtual Result<std::optional<Entry>> last() = 0;
  virtual Result<std::optional<Entry>> next() = 0;
  virtual Result<std::optional<Entry>> previous() = 0;
  // Checks the page of the current entry. Fails with DataCorrupted if the page is damaged, so that
  // other entries may be missing. Stores without pages have nothing to check.
  virtual Status check_page() { return {}; }
};

// Calls of both kinds of transactions. Results point into the store: they are valid until the
// transaction ends, is reset, or (in a write transaction) writes.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) = 0;
  virtual Result<std::unique_ptr<Cursor>> cursor(TableHandle table) = 0;
  // Returns the approximate size of the table in the store.
  virtual Result<uint64_t> size_bytes(TableHandle table) = 0;
  // Returns the last commit that a snapshot contains; for a write transaction, the commit that it
  // makes if it writes. Ids increase from commit to commit of a store.
  virtual CommitId commit_id() const = 0;
};

// A snapshot. An old snapshot keeps all pages that were freed since from being reused, so it is
// reset whenever its owner waits. A table that was created after the last renewal is not visible.
// Threads: any one at a time.
class ReadTransaction : public Transaction {
 public:
  virtual void reset() = 0;    // releases the snapshot, whose cursors must be destroyed
  virtual Status renew() = 0;  // takes a new snapshot, after reset()
};

// Changes are invisible to others before commit(); destruction without it undoes everything. Every
// call may fail with DiskFull; the transaction can then only be destroyed.
class WriteTransaction : public Transaction {
 public:
  // Opens the table, and creates a missing one. The handle may be used in this transaction. It is
  // published to others only after the commit, and is void if this transaction does not commit.
  virtual Result<TableHandle> open_table(std::string_view name, KeyOrder order) = 0;
  // Returns the table's handle; nothing if the table does not exist.
  virtual Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder order) = 0;
  virtual Result<std::vector<std::string>> table_names() = 0;
  virtual Status clear_table(TableHandle table) = 0;
  // Removes the table with its name, and closes the handle immediately, whatever the outcome of
  // this transaction: no reader may be using it, and clear_table() must have been committed before.
  virtual Status remove_table(TableHandle table) = 0;

  virtual Status put(TableHandle table, std::string_view key, std::string_view value) = 0;
  // Like put(), for a key above all others of the table. This is several times faster, and pages
  // stay full.
  virtual Status append(TableHandle table, std::string_view key, std::string_view value) = 0;
  // Erases an entry. Returns false if the key did not exist.
  virtual Result<bool> erase(TableHandle table, std::string_view key) = 0;
  // Removes entries from `first_key` on and before `end_key`, up to the limits. Returns how many it
  // has removed.
  virtual Result<Erased> erase_range(TableHandle table, std::string_view first_key,
                                     std::string_view end_key, EraseLimits limits = {}) = 0;

  // Returns true once a write has failed, or a read on a damaged page: the state of the transaction
  // is then unknown, and it can only be destroyed. A call that failed before it wrote (for example
  // on a value that cannot be read) does not count.
  virtual bool has_failed() const = 0;

  // Makes everything durable, then visible; the transaction is over. After DiskFull nothing has
  // happened, and the store continues. After DataCorrupted nothing has happened either, but later
  // commits may fail in the same way. After any other error the outcome is unknown until the store
  // is opened again, and it accepts no further writes.
  virtual Status commit() = 0;
};

// One file of data. Threads: any; one write transaction at a time, begun and ended by the same
// thread. No other transaction opens or removes tables meanwhile.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  virtual Result<std::unique_ptr<ReadTransaction>> begin_read() = 0;
  virtual Result<std::unique_ptr<WriteTransaction>> begin_write() = 0;
  // Returns about how many more bytes can be written: free space of disk and file, and freed pages
  // of the file. The call is cheap if there are `enough` free bytes without the freed pages, which
  // it counts otherwise.
  virtual uint64_t free_bytes(uint64_t enough) = 0;
  // Called by the writing thread, between transactions and while no request waits: makes the
  // following commits quicker. Optional.
  virtual void prepare_growth() {}
  // Returns an id that is created with the store and never changes. It identifies a data directory.
  virtual Uuid instance_id() const = 0;
};

// Runs small writes within another owner's group commit: the modules that share a store with the
// log write to it in this way, since only one thread may write.
class TransactionQueue {
 public:
  virtual ~TransactionQueue() = default;
  // Runs `apply` within a commit. `apply` runs on the writer's thread, possibly more than once (a
  // group that failed is repeated), so it must change nothing except the transaction; an error from
  // it must leave the transaction as it was. `done` is called there after the sync, or with the
  // error.
  virtual void submit(std::function<Status(WriteTransaction&)> apply,
                      std::function<void(Status)> done) = 0;
};

}  // namespace storage
