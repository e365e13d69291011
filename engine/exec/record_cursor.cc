#include "engine/exec/record_cursor.h"

namespace engine {

Result<records::RecordReader> RecordCursor::enter(const LogBatch& stored) {
  const bool is_known = base_offset_ == stored.base_offset;
  // What lies on a disk may have been damaged since it was checked on its way in.
  const records::BatchView batch = TRY(records::parse_batch(
      stored.bytes, is_known ? records::BatchCheck::Shape : records::BatchCheck::ShapeAndCrc));
  if (is_known) {
    records::RecordReader reader = records::RecordReader::over(
        batch.header, decompressed_ ? std::string_view(*decompressed_) : batch.payload());
    reader.go_to(place_);
    return reader;
  }
  finish();
  auto scratch = std::make_shared<std::string>();
  records::RecordReader reader = TRY(records::RecordReader::open(batch, *scratch));
  if (batch.header.codec() != records::Codec::None) decompressed_ = std::move(scratch);
  base_offset_ = stored.base_offset;
  place_ = reader.place();
  return reader;
}

}  // namespace engine
