// Writes records into a record batch, version 2.
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

// Invariants: the bytes built so far are a batch but for the fields that finish() fills in.
// Threads: one. Reuse one builder: it keeps its memory from batch to batch, but for what is large.
class BatchBuilder {
 public:
  BatchBuilder();

  void append(int64_t timestamp, std::optional<std::string_view> key,
              std::optional<std::string_view> value, std::span<const RecordHeader> headers = {});
  // A record whose value lies in two pieces.
  void append_joined(int64_t timestamp, std::optional<std::string_view> key,
                     std::string_view value_begin, std::string_view value_end);
  // A record without a key that takes `offset_count` offsets: a block of rows, each with one of its own.
  void append_block(int64_t timestamp, std::string_view block, int32_t offset_count);

  // How many offsets the batch takes: as many as it has records, where none is a block.
  int32_t offset_count() const { return offset_count_; }
  bool empty() const { return record_count_ == 0; }
  // Of the batch as it stands, before compression.
  size_t size_bytes() const { return bytes_.size(); }

  // The finished batch, with base offset 0 and no leader epoch; the builder is empty again. At
  // least one record was appended.
  std::string finish(Codec codec = Codec::None, const ProducerStamp& stamp = {});
  void clear();

 private:
  // In two pieces, of which the second may be empty.
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
