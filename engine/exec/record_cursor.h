// Where the decoding of a partition's stored batches stands, so that each batch is checked and
// decompressed once, however few of its records are taken at a time.
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
  // A reader of the batch: from its beginning, or where leave() left it. The records are valid as
  // long as the batch's bytes, or what owner() holds. Fails with CorruptRecord when the batch does
  // not match its checksum or cannot be decompressed.
  //
  // Nothing when `unpack_bytes`, from which is taken what comes out of a compressed batch, do not
  // reach: the next call with this batch goes on.
  Result<std::optional<records::RecordReader>> enter(const LogBatch& stored, size_t& unpack_bytes);
  // The reader's next record is to be the first when the batch is entered again.
  void leave(const records::RecordReader& reader) { place_ = reader.place(); }
  // All records of the batch are taken.
  void finish() { *this = {}; }

  // What the batch was decompressed into; null where it was not compressed.
  std::shared_ptr<const void> owner() const { return unpacked_; }

 private:
  // Of the batch that is known to be whole. Compaction may put another one in its place.
  std::optional<Offset> base_offset_;
  uint32_t crc_ = 0;
  std::optional<records::RecordReader::Place> place_;  // none while it is decompressed
  std::shared_ptr<records::Decompressor> unpacked_;    // shared with columns, once it is complete
};

}  // namespace engine
