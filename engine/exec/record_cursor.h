// Position of the decoder in a partition's stored batches, so that each batch is checked and
// decompressed once, even if its records are taken a few at a time.
#pragma once
#include <memory>
#include <optional>

#include "engine/exec/ports.h"
#include "records/batch.h"
#include "records/decompressor.h"

namespace engine {

// Threads: the task's. Owner: the task, one for each of its input partitions.
class RecordCursor {
 public:
  // Returns a reader of the batch: from its beginning, or from the place of leave(). The records
  // are valid as long as the bytes of the batch, or the buffer of owner(). Fails with CorruptRecord
  // if the batch does not match its checksum or cannot be decompressed.
  //
  // Returns nullopt if `unpack_bytes`, which the decompressed bytes are subtracted from, runs out:
  // the next call with this batch continues.
  Result<std::optional<records::RecordReader>> enter(const LogBatch& stored, size_t& unpack_bytes);
  // The next record of the reader becomes the first one when the batch is entered again.
  void leave(const records::RecordReader& reader) { place_ = reader.place(); }
  // All records of the batch are taken.
  void finish() { *this = {}; }

  // The decompressed bytes of the batch; null if it was not compressed.
  std::shared_ptr<const void> owner() const { return unpacked_; }

 private:
  // Identify the batch that has been checked. Compaction may replace it by another one.
  std::optional<Offset> base_offset_;
  uint32_t crc_ = 0;
  std::optional<records::RecordReader::Place> place_;  // none while the batch is being decompressed
  std::shared_ptr<records::Decompressor> unpacked_;    // shared with columns, once it is complete
};

}  // namespace engine
