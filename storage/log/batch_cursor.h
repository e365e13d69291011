// Finds the batches of a partition, which are in the partition's own table or in a shared table.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/kv/kv.h"
#include "storage/log/partition.h"

namespace storage {

// The key of a batch contains its last offset. So the batch that contains offset n is the first
// batch whose key is at least n.
//   client partitions    last offset, as an IntegerKey
//   internal partitions  log number i64, last offset i64, big-endian
class BatchKey {
 public:
  BatchKey(const Partition& partition, Offset last_offset);
  operator std::string_view() const {
    return {bytes_.data(), size_};
  }  // NOLINT: passed as its bytes

 private:
  std::array<char, 16> bytes_;
  size_t size_;
};

struct StoredBatch {
  Offset last_offset;
  std::string_view bytes;
};

// Walks the batches of a single partition. Like a Cursor, it must not be used after its
// transaction.
class BatchCursor {
 public:
  static Result<BatchCursor> open(Transaction& transaction, const Partition& partition);

  Result<std::optional<StoredBatch>> seek(
      Offset offset);  // the first batch that ends at `offset` or later
  Result<std::optional<StoredBatch>> next();
  Result<std::optional<StoredBatch>> previous();
  Result<std::optional<StoredBatch>> last();

 private:
  BatchCursor(std::unique_ptr<Cursor> cursor, const Partition& partition)
      : cursor_(std::move(cursor)), partition_(&partition) {}
  Result<std::optional<StoredBatch>> own(const std::optional<Entry>& entry) const;

  std::unique_ptr<Cursor> cursor_;
  const Partition* partition_;
};

}  // namespace storage
