#include "storage/log/batch_cursor.h"

#include <cassert>
#include <cstring>

#include "base/bytes.h"
#include "storage/kv/checked_key.h"
#include "storage/kv/damage.h"
#include "storage/log/stored_keys.h"

namespace storage {

BatchKey::BatchKey(const Partition& partition, Offset last_offset) {
  assert(last_offset >= Offset{0});  // keys of negative offsets would not be in order
  if (partition.kind() == PartitionKind::Client) {
    const IntegerKey key(static_cast<uint64_t>(last_offset.value()));
    const std::string_view bytes = key;
    std::memcpy(bytes_.data(), bytes.data(), bytes.size());
    size_ = bytes.size();
    return;
  }
  store_be(bytes_.data(), partition.number().value());
  store_be(bytes_.data() + 8, last_offset.value());
  size_ = bytes_.size();
}

Result<BatchCursor> BatchCursor::open(Transaction& transaction, const Partition& partition) {
  return BatchCursor(TRY(transaction.cursor(partition.table())), partition);
}

// Returns the entry as a batch; nothing if it belongs to another partition of the same table.
Result<std::optional<StoredBatch>> BatchCursor::own(const std::optional<Entry>& entry) const {
  if (!entry) return std::nullopt;
  Offset last_offset;
  if (partition_->kind() == PartitionKind::Internal) {
    const NumberedKey key = TRY(decode_numbered_key(entry->key));
    if (key.owner != partition_->number().value()) return std::nullopt;
    last_offset = Offset{key.number};
  } else if (const auto key = checked_integer_key(entry->key)) {
    last_offset = Offset{static_cast<int64_t>(*key)};
  } else {
    return damaged_data("the data file has a damaged key of a record batch");
  }
  if (last_offset < Offset{0} || last_offset == Offset{INT64_MAX})
    return damaged_data("the data file has a damaged key of a record batch");
  return StoredBatch{last_offset, entry->value};
}

Result<std::optional<StoredBatch>> BatchCursor::seek(Offset offset) {
  return own(TRY(cursor_->seek(BatchKey(*partition_, offset))));
}

Result<std::optional<StoredBatch>> BatchCursor::next() { return own(TRY(cursor_->next())); }

Result<std::optional<StoredBatch>> BatchCursor::previous() { return own(TRY(cursor_->previous())); }

Result<std::optional<StoredBatch>> BatchCursor::last() {
  if (partition_->kind() == PartitionKind::Client) return own(TRY(cursor_->last()));
  // The last batch of this partition is the entry before the first batch of the next partition.
  const auto after = TRY(cursor_->seek(BatchKey(*partition_, Offset{INT64_MAX})));
  return own(after ? TRY(cursor_->previous()) : TRY(cursor_->last()));
}

}  // namespace storage
