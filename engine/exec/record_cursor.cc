#include "engine/exec/record_cursor.h"

#include <algorithm>

namespace engine {

Result<std::optional<records::RecordReader>> RecordCursor::enter(const LogBatch& stored,
                                                                 size_t& unpack_bytes) {
  constexpr size_t kCrcPlace = 17;
  const bool is_known = base_offset_ == stored.base_offset &&
                        stored.bytes.size() >= records::kBatchHeaderSize &&
                        load_be<uint32_t>(stored.bytes.data() + kCrcPlace) == crc_;
  // The checksum is verified when the batch is entered for the first time, because bytes on disk
  // may have been damaged since they were written.
  const records::BatchView batch = TRY(records::parse_batch(
      stored.bytes, is_known ? records::BatchCheck::Shape : records::BatchCheck::ShapeAndCrc));
  if (!is_known) {
    finish();
    base_offset_ = stored.base_offset;
    crc_ = batch.header.crc;
    if (batch.header.codec() != records::Codec::None)
      unpacked_ =
          std::make_shared<records::Decompressor>(batch.header.codec(), records::kMaxRecordsSize);
  }
  if (unpacked_ && !place_) {
    if (unpack_bytes == 0) return std::nullopt;
    const size_t before = unpacked_->bytes().size();
    const Result<bool> is_complete = unpacked_->step(batch.payload(), unpack_bytes);
    if (!is_complete) {
      finish();
      return is_complete.error();
    }
    unpack_bytes -= std::min(unpack_bytes, unpacked_->bytes().size() - before);
    if (!*is_complete) return std::nullopt;
  }
  records::RecordReader reader = TRY(
      records::RecordReader::over(batch.header, unpacked_ ? unpacked_->bytes() : batch.payload()));
  if (place_) reader.go_to(*place_);
  place_ = reader.place();
  return reader;
}

}  // namespace engine
