// The decoder's position in the stored batches of a partition. With it, each batch is checked and
// decompressed only once, even if its records are taken a few at a time.
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
  // Returns a reader of the batch. It begins at the first record, or at the place that leave() has
  // stored. The records are valid as long as the bytes of the batch or, if it was compressed, the
  // buffer of owner(). Fails with CorruptRecord if the batch does not match its checksum or cannot
  // be decompressed.
  //
  // The function subtracts the number of decompressed bytes from `unpack_bytes`. If none are left,
  // it returns nullopt, and the next call for this batch continues the decompression.
  Result<std::optional<records::RecordReader>> enter(const LogBatch& stored, size_t& unpack_bytes);
  // Leaves the batch. When it is entered again, enter() continues with the next record of `reader`.
  void leave(const records::RecordReader& reader) { place_ = reader.place(); }
  // Ends the batch. Called when all of its records have been taken.
  void finish() { *this = {}; }

  // Returns the decompressed bytes of the batch; null if it was not compressed.
  std::shared_ptr<const void> owner() const { return unpacked_; }

 private:
  // Offset and checksum of the batch that has been checked. The offset alone is not enough, because
  // compaction may replace the batch at an offset.
  std::optional<Offset> base_offset_;
  uint32_t crc_ = 0;
  // nullopt while the batch is being decompressed
  std::optional<records::RecordReader::Place> place_;
  // set when the batch is decompressed; columns that refer to its bytes share it
  std::shared_ptr<records::Decompressor> unpacked_;
};

}  // namespace engine
