#include "records/batch_builder.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace records {

namespace {

// A size that a batch of many small records does not reach. A batch above this size is returned in
// the builder's own memory instead of a copy, because a copy would cost more than new memory for
// the builder. A value above this size is appended without first filling its memory with zeros.
constexpr size_t kLongBytes = size_t{1} << 20;

size_t varint_size(int64_t value) {
  return (static_cast<size_t>(std::bit_width(zigzag(value) | 1)) + 6) / 7;
}

char* write_varint(char* to, int64_t signed_value) {
  uint64_t value = zigzag(signed_value);
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

char* write_bytes(char* to, std::string_view bytes) {
  return to + bytes.copy(to, bytes.size());  // memcpy would not accept the null of an empty view
}

size_t nullable_size(const std::optional<std::string_view>& bytes) {
  if (!bytes) return 1;  // one byte for the length -1
  return varint_size(static_cast<int64_t>(bytes->size())) + bytes->size();
}

char* write_nullable(char* to, const std::optional<std::string_view>& bytes) {
  if (!bytes) return write_varint(to, -1);
  return write_bytes(write_varint(to, static_cast<int64_t>(bytes->size())), *bytes);
}

size_t headers_size(std::span<const RecordHeader> headers) {
  size_t size = varint_size(static_cast<int64_t>(headers.size()));
  for (const RecordHeader& header : headers)
    size += nullable_size(header.key) + nullable_size(header.value);
  return size;
}

char* write_headers(char* to, std::span<const RecordHeader> headers) {
  to = write_varint(to, static_cast<int64_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    to = write_nullable(to, header.key);
    to = write_nullable(to, header.value);
  }
  return to;
}

}  // namespace

BatchBuilder::BatchBuilder() { clear(); }

void BatchBuilder::clear() {
  bytes_.resize(kBatchHeaderSize);
  record_count_ = offset_count_ = 0;
}

void BatchBuilder::append(int64_t timestamp, std::optional<std::string_view> key,
                          std::optional<std::string_view> value,
                          std::span<const RecordHeader> headers) {
  append_record(timestamp, key, {value}, headers, 1);
}

void BatchBuilder::append_joined(int64_t timestamp, std::optional<std::string_view> key,
                                 std::string_view value_begin, std::string_view value_end) {
  append_record(timestamp, key, {value_begin, value_end}, {}, 1);
}

void BatchBuilder::append_block(int64_t timestamp, std::string_view block, int32_t offset_count) {
  assert(offset_count > 0);
  append_record(timestamp, std::nullopt, {block}, {}, offset_count);
}

void BatchBuilder::append_record(int64_t timestamp, std::optional<std::string_view> key,
                                 const RecordValue& value, std::span<const RecordHeader> headers,
                                 int32_t offset_count) {
  if (record_count_ == 0) base_timestamp_ = max_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  // The difference may not fit into 64 bits; then it wraps around, as in RecordReader.
  const auto timestamp_delta = static_cast<int64_t>(static_cast<uint64_t>(timestamp) -
                                                    static_cast<uint64_t>(base_timestamp_));

  const auto value_bytes =
      static_cast<int64_t>(value.begin ? value.begin->size() + value.end.size() : 0);
  const int64_t value_length = value.begin ? value_bytes : -1;
  const size_t front_size = 1 + varint_size(timestamp_delta) + varint_size(offset_count_) +
                            nullable_size(key) + varint_size(value_length);
  const size_t back_size = headers_size(headers);
  const size_t body_size = front_size + static_cast<size_t>(value_bytes) + back_size;
  const size_t record_size = varint_size(static_cast<int64_t>(body_size)) + body_size;
  const size_t start = bytes_.size();
  const bool is_long = record_size > kLongBytes;
  if (is_long) bytes_.reserve(start + record_size);
  // A long value is left out and appended below, because resize() would first fill it with zeros.
  bytes_.resize(start + record_size - (is_long ? static_cast<size_t>(value_bytes) + back_size : 0));

  char* to = bytes_.data() + start;
  to = write_varint(to, static_cast<int64_t>(body_size));
  *to++ = 0;  // the attributes of the record
  to = write_varint(to, timestamp_delta);
  to = write_varint(to, offset_count_);
  to = write_nullable(to, key);
  to = write_varint(to, value_length);
  if (is_long) {
    bytes_.append(value.begin.value_or(std::string_view())).append(value.end);
    bytes_.resize(start + record_size);
    to = bytes_.data() + bytes_.size() - back_size;
  } else if (value.begin) {
    to = write_bytes(write_bytes(to, *value.begin), value.end);
  }
  to = write_headers(to, headers);
  assert(to == bytes_.data() + bytes_.size());
  ++record_count_;
  offset_count_ += offset_count;
}

std::string BatchBuilder::finish(Codec codec, const ProducerStamp& stamp) {
  assert(record_count_ > 0);
  std::string batch;
  if (codec == Codec::None && bytes_.size() > kLongBytes) {
    batch = std::exchange(bytes_, {});
  } else if (codec == Codec::None) {
    batch = bytes_;  // copies the bytes, so that the builder keeps its memory
  } else {
    std::string compressed;
    const Status done =
        compress(codec, std::string_view(bytes_).substr(kBatchHeaderSize), compressed);
    assert(done);  // compression of a batch in memory cannot fail
    batch.reserve(kBatchHeaderSize + compressed.size());
    batch.assign(bytes_, 0, kBatchHeaderSize).append(compressed);
  }
  char* header = batch.data();
  store_be<int64_t>(header, 0);
  store_be(header + 8, static_cast<int32_t>(batch.size() - kBatchPrefixSize));
  store_be<int32_t>(header + 12, -1);
  header[16] = 2;  // magic: the version of the format
  store_be(header + 21, static_cast<uint16_t>(codec));
  store_be<int32_t>(header + 23, offset_count_ - 1);
  store_be(header + 27, base_timestamp_);
  store_be(header + 35, max_timestamp_);
  store_be(header + 57, record_count_);
  set_producer(batch, stamp);  // sets the checksum, too
  clear();
  return batch;
}

}  // namespace records
