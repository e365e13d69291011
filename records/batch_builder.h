// Writes record batches of version 2.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "records/batch.h"

namespace records {

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

// Builds batches, one after another. Reuse a builder: it keeps its memory from batch to batch,
// except after a large batch.
//
// Invariants: the bytes built so far are a batch except for the fields that finish() fills in.
// Threads: one.
class BatchBuilder {
 public:
  BatchBuilder();

  void append(int64_t timestamp, std::optional<std::string_view> key,
              std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});
  // Appends a record whose value lies in two pieces.
  void append_joined(int64_t timestamp, std::optional<std::string_view> key,
                     std::string_view value_begin, std::string_view value_end);
  // Appends a record without a key that takes `offset_count` offsets: a block of rows with an
  // offset each.
  void append_block(int64_t timestamp, std::string_view block, int32_t offset_count);

  // Returns the number of offsets that the batch takes: the number of its records, if none is a
  // block.
  int32_t offset_count() const { return offset_count_; }
  bool empty() const { return record_count_ == 0; }
  // Returns the size of the batch so far, before compression.
  size_t size_bytes() const { return bytes_.size(); }

  // Returns the finished batch, with base offset 0 and no leader epoch, and empties the builder.
  // Precondition: at least one record was appended.
  std::string finish(Codec codec = Codec::None, const ProducerStamp& stamp = {});
  void clear();

 private:
  // A value in two pieces, of which the second may be empty.
  struct RecordValue {
    std::optional<std::string_view> begin;
    std::string_view end = {};
  };
  void append_record(int64_t timestamp, std::optional<std::string_view> key,
                     const RecordValue& value, std::span<const RecordHeader> headers,
                     int32_t offset_count);

  std::string bytes_;
  int64_t base_timestamp_ = 0;
  int64_t max_timestamp_ = 0;
  int32_t record_count_ = 0;
  int32_t offset_count_ = 0;
};

}  // namespace records
