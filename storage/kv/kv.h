// An ordered key-value store with named tables, snapshot reads and one writer: the seam between our
// storage and the disk. It has two homes: LMDB (lmdb_store.h) and memory (memory_store.h), which
// forgets what was not synced when a test pulls the plug.
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

// Keys are 1 to this many bytes long.
inline constexpr size_t kMaxKeySize = 511;

// A table within its store. The number is used again once a table has been removed, so a handle
// must not be used after remove_table().
using TableHandle = StrongNumber<struct TableTag, uint32_t>;

enum class KeyOrder : uint8_t {
  Bytes,    // as memcmp orders them, a prefix first
  Integer,  // 8 bytes in the machine's byte order: see IntegerKey
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

// The first key after all that begin with `prefix`; nothing when there is none.
std::optional<std::string> end_of_prefix(std::string prefix);

struct Entry {
  std::string_view key, value;
};

// How much of a range goes at a time: the limit in bytes is passed by at most one entry.
struct EraseLimits {
  size_t max_count = SIZE_MAX, max_bytes = SIZE_MAX;
};
struct Erased {
  size_t count = 0, size_bytes = 0;
  bool is_all = true;  // nothing of the range is left
};

// A place in a table; of no use once its transaction is over. In a write transaction a write to the
// table leaves it nowhere until the next seek, first or last. Nothing is returned past either end.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual Result<std::optional<Entry>> seek(
      std::string_view key) = 0;  // the first entry not before `key`
  virtual Result<std::optional<Entry>> first() = 0;
  virtual Result<std::optional<Entry>> last() = 0;
  virtual Result<std::optional<Entry>> next() = 0;
  virtual Result<std::optional<Entry>> previous() = 0;
  // Looks at the page that the entry at hand lies in: fails with DataCorrupted where it is damaged, so that others
  // which should be there may be missing. What has no pages has nothing to look at.
  virtual Status check_page() { return {}; }
};

// What both kinds of transactions can do. What is returned points into the store: it is valid until
// the transaction ends, is reset, or (in a write transaction) writes.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) = 0;
  virtual Result<std::unique_ptr<Cursor>> cursor(TableHandle table) = 0;
  // What the table takes in the store, about.
  virtual Result<uint64_t> size_bytes(TableHandle table) = 0;
  // Of the last commit that a snapshot contains; of a write transaction, what its own will be, if it
  // writes anything. They grow from commit to commit of a store.
  virtual CommitId commit_id() const = 0;
};

// A snapshot. An old one keeps the pages of everything written since from being reused, so it is
// reset whenever its owner waits. A table that was made after the last renewal is not visible.
// Threads: any one at a time.
class ReadTransaction : public Transaction {
 public:
  virtual void reset() = 0;    // lets the snapshot go; its cursors must be gone
  virtual Status renew() = 0;  // takes a new one, after reset()
};

// Nothing is visible to others before commit(); destruction without it undoes everything.
// Every call may fail with DiskFull; the transaction can then only be destroyed.
class WriteTransaction : public Transaction {
 public:
  // Opens the table, and makes it when it is missing. The handle may be used in this transaction;
  // it is published to others after the commit only, and is void when this transaction does not
  // commit.
  virtual Result<TableHandle> open_table(std::string_view name, KeyOrder order) = 0;
  // Nothing when there is no such table.
  virtual Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder order) = 0;
  virtual Result<std::vector<std::string>> table_names() = 0;
  virtual Status clear_table(TableHandle table) = 0;
  // Removes the name too and closes the handle at once, whatever becomes of this transaction: no
  // reader may be using it, and clear_table() has been committed before.
  virtual Status remove_table(TableHandle table) = 0;

  virtual Status put(TableHandle table, std::string_view key, std::string_view value) = 0;
  // Like put, for a key above all others of the table: several times faster, and pages stay full.
  virtual Status append(TableHandle table, std::string_view key, std::string_view value) = 0;
  // False when there was no such key.
  virtual Result<bool> erase(TableHandle table, std::string_view key) = 0;
  // Removes entries from `first_key` on and before `end_key`, up to the limits; what it has
  // removed.
  virtual Result<Erased> erase_range(TableHandle table, std::string_view first_key,
                                     std::string_view end_key, EraseLimits limits = {}) = 0;

  // True once a write has failed, or a read on a page that leads nowhere: what that has left is unknown, and the
  // transaction can only be destroyed. A call that failed before it wrote (a value that cannot be read, say) does
  // not count.
  virtual bool has_failed() const = 0;

  // Makes everything durable, then visible; the transaction is over. With DiskFull nothing has
  // happened and the store goes on; with DataCorrupted nothing has happened either, but all later ones may
  // meet the same. With any other error the outcome is unknown until the store is opened again, and it
  // takes no further writes.
  virtual Status commit() = 0;
};

// One file of data. Threads: any; one write transaction at a time, begun and ended by the same
// thread, while which no other opens or removes tables.
class KeyValueStore {
 public:
  virtual ~KeyValueStore() = default;
  virtual Result<std::unique_ptr<ReadTransaction>> begin_read() = 0;
  virtual Result<std::unique_ptr<WriteTransaction>> begin_write() = 0;
  // How many more bytes can be written, about: free space of disk and file, and pages of the file
  // that were freed. Cheap when there is as much as `enough`; else the freed pages are counted.
  virtual uint64_t free_bytes(uint64_t enough) = 0;
  // By the thread that writes, between transactions and when nobody waits for it: makes the commits that follow
  // quicker. Never needed.
  virtual void prepare_growth() {}
  // Made with the store, for life: tells one data directory from another.
  virtual Uuid instance_id() const = 0;
};

// Runs small writes within another owner's group commit: how the parts that share a store with the
// log write to it, since one thread alone may.
class TransactionQueue {
 public:
  virtual ~TransactionQueue() = default;
  // `apply` runs on the writer's thread, perhaps more than once (a group that failed is repeated),
  // so it changes nothing but the transaction; an error from it must leave the transaction as it
  // was. `done` is called there after the sync, or with the error.
  virtual void submit(std::function<Status(WriteTransaction&)> apply,
                      std::function<void(Status)> done) = 0;
};

}  // namespace storage
