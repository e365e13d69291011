#include "records/batch_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "records/crc32c.h"

namespace records {

namespace {

constexpr size_t kFilterCrcStart = 21;

void append_signed_varint(std::string& to, int64_t value) { append_varint(to, zigzag(value)); }

void append_nullable(std::string& to, const std::optional<std::string_view>& bytes) {
  append_signed_varint(to, bytes ? static_cast<int64_t>(bytes->size()) : -1);
  if (bytes) to += *bytes;
}

// Returns a - b. The difference may not fit into 64 bits; then it wraps around, as in RecordReader.
int64_t difference(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

void append_record(std::string& to, const RecordView& record, int64_t timestamp_delta,
                   std::string& body) {
  body.clear();
  body += '\0';  // the attributes of the record
  append_signed_varint(body, timestamp_delta);
  append_signed_varint(body, record.offset_delta);
  append_nullable(body, record.key);
  append_nullable(body, record.value);
  body += record.raw_headers;
  append_signed_varint(to, static_cast<int64_t>(body.size()));
  to += body;
}

}  // namespace

Result<std::string> filter_batch(const BatchView& batch, const std::vector<bool>& keeps,
                                 std::optional<int64_t> delete_horizon_ms, std::string& scratch) {
  const BatchHeader& header = batch.header;
  const int64_t base_timestamp = delete_horizon_ms.value_or(header.base_timestamp);
  std::string kept, body;
  int32_t count = 0;
  int64_t max_timestamp = INT64_MIN;
  auto reader = TRY(RecordReader::open(batch, scratch));
  size_t index = 0;
  for (RecordView record; reader.next(record); ++index) {
    assert(index < keeps.size());
    if (!keeps[index]) continue;
    ++count;
    max_timestamp = std::max(max_timestamp, record.timestamp);
    // If the time of the append applies to all records, the timestamps of single records have no
    // meaning.
    const int64_t delta =
        header.has_log_append_time() ? 0 : difference(record.timestamp, base_timestamp);
    append_record(kept, record, delta, body);
  }
  TRY(reader.status());
  assert(count > 0);

  std::string filtered(batch.bytes.substr(0, kBatchHeaderSize));
  if (header.codec() == Codec::None) {
    filtered += kept;
  } else {
    std::string compressed;
    TRY(compress(header.codec(), kept, compressed));
    filtered += compressed;
  }
  char* const to = filtered.data();
  const uint16_t horizon_bit = delete_horizon_ms ? kDeleteHorizonBit : 0;
  store_be(to + 8, static_cast<int32_t>(filtered.size() - kBatchPrefixSize));
  store_be(to + 21, static_cast<uint16_t>(header.attributes | horizon_bit));
  store_be(to + 27, base_timestamp);
  store_be(to + 35, header.has_log_append_time() ? header.max_timestamp : max_timestamp);
  store_be(to + 57, count);
  store_be(to + 17, crc32c(std::string_view(filtered).substr(kFilterCrcStart)));
  return filtered;
}

std::string emptied_batch(const BatchView& batch) {
  std::string empty(batch.bytes.substr(0, kBatchHeaderSize));
  char* const to = empty.data();
  constexpr uint16_t kCodecBits = 7;
  store_be(to + 8, static_cast<int32_t>(empty.size() - kBatchPrefixSize));
  store_be(to + 21,
           static_cast<uint16_t>(batch.header.attributes & ~(kCodecBits | kDeleteHorizonBit)));
  store_be(to + 35, kNoTimestamp);  // so that no search by time finds it
  store_be(to + 57, int32_t{0});
  store_be(to + 17, crc32c(std::string_view(empty).substr(kFilterCrcStart)));
  return empty;
}

Status check_filtered_records(const BatchView& batch) {
  std::string scratch;
  auto reader = TRY(RecordReader::open(batch, scratch));
  int64_t last_delta = -1;
  for (RecordView record; reader.next(record);) {
    if (record.offset_delta <= last_delta || record.offset_delta > batch.header.last_offset_delta)
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("a record has the offset delta {}", record.offset_delta)};
    last_delta = record.offset_delta;
  }
  return reader.status();
}

}  // namespace records
