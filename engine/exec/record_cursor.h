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
  // Returns a reader of the batch, which begins at the first record or at the place of leave(). The
  // records are valid as long as the bytes of the batch, or the buffer of owner(). Fails with
  // CorruptRecord if the batch does not match its checksum or cannot be decompressed.
  //
  // The function subtracts the decompressed bytes from `unpack_bytes`, and returns nullopt when
  // none are left; the next call with this batch then continues the decompression.
  Result<std::optional<records::RecordReader>> enter(const LogBatch& stored, size_t& unpack_bytes);
  // Leaves the batch. When the batch is entered again, enter() continues with the next record of
  // the reader.
  void leave(const records::RecordReader& reader) { place_ = reader.place(); }
  // Ends the batch. Called when all of its records have been taken.
  void finish() { *this = {}; }

  // Returns the decompressed bytes of the batch; null if it was not compressed.
  std::shared_ptr<const void> owner() const { return unpacked_; }

 private:
  // Offset and checksum of the batch that has been checked. The offset alone does not identify a
  // batch, because compaction may replace the batch at an offset.
  std::optional<Offset> base_offset_;
  uint32_t crc_ = 0;
  // nullopt while the batch is being decompressed
  std::optional<records::RecordReader::Place> place_;
  // shared with columns once the batch is decompressed
  std::shared_ptr<records::Decompressor> unpacked_;
};

}  // namespace engine
