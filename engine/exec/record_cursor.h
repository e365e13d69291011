// Where the decoding of a partition's stored batches stands, so that each batch is checked and
// decompressed once, however few of its records are taken at a time.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "engine/exec/ports.h"
#include "records/batch.h"

namespace engine {

// Threads: the task's. Owner: the task, one for each of its input partitions.
class RecordCursor {
 public:
  // A reader of the batch: from its beginning, or where leave() left it. The records are valid as
  // long as the batch's bytes, or the bytes in owner(). Fails with CorruptRecord when the batch does
  // not match its checksum or cannot be decompressed.
  Result<records::RecordReader> enter(const LogBatch& stored);
  // The reader's next record is to be the first when the batch is entered again.
  void leave(const records::RecordReader& reader) { place_ = reader.place(); }
  // All records of the batch are taken.
  void finish() { *this = {}; }

  // What the batch was decompressed into; null where it was not compressed.
  const std::shared_ptr<const std::string>& owner() const { return decompressed_; }

 private:
  std::optional<Offset> base_offset_;  // of the batch that is known to be whole
  records::RecordReader::Place place_;
  std::shared_ptr<const std::string> decompressed_;
};

}  // namespace engine
