// An ordered key-value store with named tables, snapshot reads and one writer: the interface
// between our storage and the disk. It is implemented by LMDB (lmdb_store.h) and, for tests, in
// memory (memory_store.h), where unsynced data is lost when a test cuts the power.
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

// Greatest length of a key in bytes. A key has at least one byte.
inline constexpr size_t kMaxKeySize = 511;

// A table within its store. A number is reused after its table has been removed, so a handle must
// not be used after remove_table().
using TableHandle = StrongNumber<struct TableTag, uint32_t>;

enum class KeyOrder : uint8_t {
  Bytes,    // in the order of memcmp, a prefix first
  Integer,  // keys of 8 bytes in native byte order: see IntegerKey
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

// Returns the smallest key that is greater than all keys with this prefix; nothing if no such key
// exists.
std::optional<std::string> end_of_prefix(std::string prefix);

struct Entry {
  std::string_view key, value;
};

// Limits of one call of erase_range(). The limit in bytes is exceeded by at most one entry.
struct EraseLimits {
  size_t max_count = SIZE_MAX, max_bytes = SIZE_MAX;
};
struct Erased {
  size_t count = 0, size_bytes = 0;
  bool is_all = true;  // true if the range has no entries left
};

// A position in a table; unusable once its transaction is over. In a write transaction, a write to
// the table invalidates the position until the next seek(), first() or last(). A call that moves
// beyond either end of the table returns nothing.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual Result<std::optional<Entry>> seek(
      std::string_view key) = 0;  // the first entry not before `key`
  virtual Result<std::optional<Entry>> first() = 0;
  virtual Result<std::optional<Entry>> last() = 0;
  virtual Result<std::optional<Entry>> next() = 0;
  virtual Result<std::optional<Entry>> previous() = 0;
  // Checks the page of the current entry. Fails with DataCorrupted if the page is damaged; other
  // entries may then be missing, too. Stores without pages have nothing to check.
  virtual Status check_page() { return {}; }
};

// The calls that read and write transactions share. Results point into the store. They are valid
// until the transaction ends or is reset; in a write transaction, only until its next write.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) = 0;
  virtual Result<std::unique_ptr<Cursor>> cursor(TableHandle table) = 0;
  // Returns the approximate size of the table in the store.
  virtual Result<uint64_t> size_bytes(TableHandle table) = 0;
  // Returns the last commit that the snapshot contains; for a write transaction, the commit that it
  // makes if it writes. Within a store, ids increase from commit to commit.
  virtual CommitId commit_id() const = 0;
};

// A snapshot. While it is held, pages that are freed by later commits cannot be reused, and the
// file grows. So the owner calls reset() before it waits for anything. A table that was created
// after the last renew() is not visible. Threads: any one at a time.
class ReadTransaction : public Transaction {
 public:
  virtual void reset() = 0;    // releases the snapshot, whose cursors must be destroyed
  virtual Status renew() = 0;  // takes a new snapshot, after reset()
};

// A transaction that writes. Its changes are invisible to others before commit(); destruction
// without commit() undoes them. Every call may fail with DiskFull; the transaction can then only be
// destroyed.
class WriteTransaction : public Transaction {
 public:
  // Opens the table, and creates it if it is missing. This transaction may use the handle
  // immediately. Others get it only after the commit; if this transaction does not commit, the
  // handle is invalid.
  virtual Result<TableHandle> open_table(std::string_view name, KeyOrder order) = 0;
  // Returns the table's handle; nothing if the table does not exist.
  virtual Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder order) = 0;
  virtual Result<std::vector<std::string>> table_names() = 0;
  virtual Status clear_table(TableHandle table) = 0;
  // Removes the table together with its name. Closes the handle immediately, even if this
  // transaction does not commit. Precondition: no reader uses the table, and an earlier committed
  // transaction has called clear_table().
  virtual Status remove_table(TableHandle table) = 0;

  virtual Status put(TableHandle table, std::string_view key, std::string_view value) = 0;
  // Stores an entry whose key is above all others of the table. This is several times faster than
  // put(), and fills the pages completely.
  virtual Status append(TableHandle table, std::string_view key, std::string_view value) = 0;
  // Erases an entry. Returns false if the key did not exist.
  virtual Result<bool> erase(TableHandle table, std::string_view key) = 0;
  // Removes entries with first_key <= key < end_key, in order, up to the limits. Returns how many
  // it has removed.
  virtual Result<Erased> erase_range(TableHandle table, std::string_view first_key,
                                     std::string_view end_key, EraseLimits limits = {}) = 0;

  // Returns true after a failed write, or after a read that has met a damaged page: the state of
  // the transaction is then unknown, and it can only be destroyed. A call that fails before it
  // writes (for example because a value cannot be read) does not count.
  virtual bool has_failed() const = 0;

  // Makes all changes durable, then visible; the transaction is over. If it fails with DiskFull,
  // nothing has changed, and the store accepts further writes. If it fails with DataCorrupted,
  // nothing has changed either, but later commits may fail in the same way. After any other error
  // the outcome is unknown until the store is opened again, and the store accepts no further
  // writes.
  virtual Status commit() = 0;
};

// A store: one file of data. Threads: any. Only one write transaction exists at a time, and the
// same thread begins and ends it. While it exists, no other transaction opens or removes tables.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  virtual Result<std::unique_ptr<ReadTransaction>> begin_read() = 0;
  virtual Result<std::unique_ptr<WriteTransaction>> begin_write() = 0;
  // Returns approximately how many more bytes can be written: the free space of the disk, the
  // unused part of the file, and the freed pages in the file. Counting the freed pages takes time,
  // so they are counted only if the first two sum up to less than `enough`.
  virtual uint64_t free_bytes(uint64_t enough) = 0;
  // Called by the thread that writes, between transactions and while no request waits. A store may
  // use the time to make the next commits faster.
  virtual void prepare_growth() {}
  // Returns the id that the store got at its creation. It never changes, and identifies a data
  // directory.
  virtual Uuid instance_id() const = 0;
};

// Runs small writes of other modules within the log's group commits. Only one thread may write to a
// store, and for the log's store this is the log's writer. So a module that keeps data in the log's
// store passes its writes to this queue.
class TransactionQueue {
 public:
  virtual ~TransactionQueue() = default;
  // Runs `apply` within a group commit, on the writer's thread. `apply` may run more than once,
  // because a group that failed is repeated. So it must change nothing except the transaction. If
  // it returns an error, it must not have changed the transaction either. `done` is called on the
  // same thread, after the sync or with the error.
  virtual void submit(std::function<Status(WriteTransaction&)> apply,
                      std::function<void(Status)> done) = 0;
};

}  // namespace storage
