#include "records/batch.h"

#include <fmt/format.h>

#include <algorithm>

#include "records/crc32c.h"
#include "records/decompressor.h"

namespace records {

namespace {

constexpr size_t kCrcStart = 21;  // the checksum covers the batch from this position on
// The smallest record: one byte each for its length, attributes, timestamp, offset, key length,
// value length and header count.
constexpr size_t kMinRecordSize = 7;

Error corrupt(std::string what) { return {ErrorCode::CorruptRecord, std::move(what)}; }

BatchHeader read_header(const char* from, size_t size_bytes) {
  return {.base_offset = Offset{load_be<int64_t>(from)},
          .size_bytes = size_bytes,
          .leader_epoch = LeaderEpoch{load_be<int32_t>(from + 12)},
          .crc = load_be<uint32_t>(from + 17),
          .attributes = load_be<uint16_t>(from + 21),
          .last_offset_delta = load_be<int32_t>(from + 23),
          .base_timestamp = load_be<int64_t>(from + 27),
          .max_timestamp = load_be<int64_t>(from + 35),
          .producer_id = ProducerId{load_be<int64_t>(from + 43)},
          .producer_epoch = load_be<int16_t>(from + 51),
          .base_sequence = load_be<int32_t>(from + 53),
          .record_count = load_be<int32_t>(from + 57)};
}

// Reads a varint of at most `max_bytes`; returns false if it is longer or cut.
inline bool read_varint(const char*& at, const char* end, int max_bytes, int64_t& value) {
  uint64_t bits = 0;
  for (int i = 0; i < max_bytes && at != end; ++i) {
    const auto byte = static_cast<uint8_t>(*at++);
    bits |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      value = unzigzag(bits);
      return true;
    }
  }
  return false;
}
inline bool read_int(const char*& at, const char* end, int64_t& value) {
  return read_varint(at, end, 5, value);
}
inline bool read_long(const char*& at, const char* end, int64_t& value) {
  return read_varint(at, end, 10, value);
}

// Reads a length and that number of bytes; the length -1 stands for a null.
inline bool read_nullable(const char*& at, const char* end,
                          std::optional<std::string_view>& bytes) {
  int64_t size;
  if (!read_int(at, end, size) || size < -1 || size > end - at) return false;
  if (size < 0) {
    bytes.reset();
    return true;
  }
  bytes.emplace(at, static_cast<size_t>(size));
  at += size;
  return true;
}

bool headers_are_whole(std::string_view raw) {
  const char* at = raw.data();
  const char* const end = at + raw.size();
  int64_t count;
  if (!read_int(at, end, count) || count < 0) return false;
  for (; count > 0; --count) {  // each header takes bytes, so a wrong count ends early
    std::optional<std::string_view> key, value;
    if (!read_nullable(at, end, key) || !key || !read_nullable(at, end, value)) return false;
  }
  return at == end;
}

void store_checksum(std::span<char> batch) {
  const auto checked = batch.subspan(kCrcStart);
  store_be(batch.data() + 17, crc32c({checked.data(), checked.size()}));
}

}  // namespace

Result<BatchView> parse_batch(std::string_view bytes, BatchCheck check) {
  if (bytes.size() < kBatchHeaderSize)
    return corrupt(fmt::format("record batch is truncated: {} bytes", bytes.size()));
  const auto length = load_be<int32_t>(bytes.data() + 8);
  if (length < static_cast<int32_t>(kBatchHeaderSize - kBatchPrefixSize))
    return corrupt(fmt::format("record batch has the invalid length {}", length));
  const size_t size_bytes = kBatchPrefixSize + static_cast<size_t>(length);
  if (size_bytes > bytes.size())
    return corrupt(
        fmt::format("record batch of {} bytes is truncated: {} bytes", size_bytes, bytes.size()));
  if (bytes[16] != 2)
    return corrupt(
        fmt::format("record batch has version {}, only 2 is known", static_cast<int>(bytes[16])));

  const BatchView batch{read_header(bytes.data(), size_bytes), bytes.substr(0, size_bytes)};
  const BatchHeader& header = batch.header;
  if ((header.attributes & 7) > static_cast<int>(Codec::Zstd))
    return corrupt("record batch has an unknown compression codec");
  // The number of records may be smaller than the last offset delta suggests: if compaction has
  // removed the last records of a batch, the batch keeps its last offset.
  if (header.last_offset_delta < 0 || header.record_count < 0 ||
      header.record_count - 1 > header.last_offset_delta)
    return corrupt(fmt::format("record batch of {} records has the last offset delta {}",
                               header.record_count, header.last_offset_delta));
  if (check == BatchCheck::ShapeAndCrc && crc32c(batch.bytes.substr(kCrcStart)) != header.crc)
    return corrupt("record batch does not match its checksum");
  return batch;
}

bool is_damaged_on_the_way(std::string_view bytes) {
  if (bytes.size() < kBatchHeaderSize || bytes[16] != 2) return false;
  const auto length = load_be<int32_t>(bytes.data() + 8);
  if (length < static_cast<int32_t>(kBatchHeaderSize - kBatchPrefixSize)) return false;
  const size_t size_bytes = kBatchPrefixSize + static_cast<size_t>(length);
  return size_bytes <= bytes.size() && crc32c(bytes.substr(kCrcStart, size_bytes - kCrcStart)) !=
                                           load_be<uint32_t>(bytes.data() + 17);
}

Result<RecordTimes> check_records(const BatchView& batch, size_t max_records_size,
                                  RecordOffsets offsets) {
  if (batch.header.codec() == Codec::None)
    return check_records(batch.header, batch.payload(), offsets);
  Decompressor decompressor(batch.header.codec(), max_records_size);
  TRY(decompressor.step(batch.payload(), SIZE_MAX));
  return check_records(batch.header, decompressor.bytes(), offsets);
}

Result<RecordTimes> check_records(const BatchHeader& header, std::string_view records,
                                  RecordOffsets offsets) {
  RecordTimes times;
  auto reader = TRY(RecordReader::over(header, records));
  int32_t index = 0;
  int64_t last_delta = -1;
  for (RecordView record; reader.next(record); ++index) {
    const bool is_next = offsets == RecordOffsets::One || index == 0
                             ? record.offset_delta == index
                             : record.offset_delta > last_delta;
    if (!is_next)
      return corrupt(fmt::format("record {} has the offset delta {}", index, record.offset_delta));
    if (!headers_are_whole(record.raw_headers))
      return corrupt(fmt::format("record {} has damaged headers", index));
    last_delta = record.offset_delta;
    if (record.timestamp == kNoTimestamp) continue;
    times.latest = std::max(times.latest, record.timestamp);
    times.earliest = times.earliest == kNoTimestamp ? record.timestamp
                                                    : std::min(times.earliest, record.timestamp);
  }
  TRY(reader.status());
  if (offsets == RecordOffsets::One ? last_delta != header.last_offset_delta
                                    : last_delta > header.last_offset_delta)
    return corrupt(fmt::format("record batch holds {} records and has the last offset delta {}",
                               index, header.last_offset_delta));
  return times;
}

void set_base_offset(char* batch, Offset base_offset) { store_be(batch, base_offset.value()); }
void set_leader_epoch(char* batch, LeaderEpoch leader_epoch) {
  store_be(batch + 12, leader_epoch.value());
}

LeaderEpoch leader_epoch_of(const char* batch) { return LeaderEpoch{load_be<int32_t>(batch + 12)}; }

void set_producer(std::span<char> batch, const ProducerStamp& stamp) {
  store_be(batch.data() + 43, stamp.producer_id.value());
  store_be(batch.data() + 51, stamp.producer_epoch);
  store_be(batch.data() + 53, stamp.base_sequence);
  store_checksum(batch);
}

void set_max_timestamp(std::span<char> batch, int64_t timestamp) {
  store_be(batch.data() + 35, timestamp);
  store_checksum(batch);
}

void set_log_append_time(std::span<char> batch, int64_t timestamp) {
  batch[22] = static_cast<char>(batch[22] | 8);  // the low byte of the attributes
  store_be(batch.data() + 35, timestamp);        // the maximum, which applies to all records then
  store_checksum(batch);
}

std::optional<HeaderReader::Header> HeaderReader::next() {
  if (left_ <= 0) return std::nullopt;
  --left_;
  const int64_t key_size = in_.signed_varint();
  if (key_size < 0) return std::nullopt;
  Header header;
  header.key = in_.bytes(static_cast<size_t>(key_size));
  const int64_t value_size = in_.signed_varint();
  if (value_size >= 0) header.value = in_.bytes(static_cast<size_t>(value_size));
  if (!in_.ok()) return std::nullopt;
  return header;
}

Result<RecordReader> RecordReader::open(const BatchView& batch, std::string& scratch,
                                        size_t max_records_size) {
  std::string_view records = batch.payload();
  if (batch.header.codec() != Codec::None) {
    TRY(decompress(batch.header.codec(), records, max_records_size, scratch));
    records = scratch;
  }
  return over(batch.header, records);
}

Result<RecordReader> RecordReader::over(const BatchHeader& header, std::string_view records) {
  // The count is checked here, so that no caller allocates memory for more records than the bytes
  // can contain.
  if (static_cast<size_t>(header.record_count) > records.size() / kMinRecordSize)
    return corrupt(fmt::format("record batch claims {} records in {} bytes", header.record_count,
                               records.size()));
  return RecordReader(header, records);
}

RecordReader::RecordReader(const BatchHeader& header, std::string_view records)
    : begin_(records.data()),
      at_(records.data()),
      end_(records.data() + records.size()),
      base_timestamp_(header.base_timestamp),
      append_timestamp_(header.max_timestamp),
      has_append_time_(header.has_log_append_time()),
      left_(header.record_count) {}

bool RecordReader::next(RecordView& record) {
  if (left_ == 0) {
    if (at_ != end_) corrupt_ = true;
    return false;
  }
  int64_t size, timestamp_delta, offset_delta;
  if (!read_int(at_, end_, size) || size < 1 || size > end_ - at_) return fail();
  const char* at = at_ + 1;  // skips the attributes of the record, which are unused
  const char* const end = at_ + size;
  if (!read_long(at, end, timestamp_delta) || !read_int(at, end, offset_delta) ||
      offset_delta < 0 || offset_delta > INT32_MAX || !read_nullable(at, end, record.key) ||
      !read_nullable(at, end, record.value) || at == end)
    return fail();
  record.offset_delta = static_cast<int32_t>(offset_delta);
  // Added as unsigned numbers: a wrong delta wraps instead of being undefined.
  record.timestamp = has_append_time_
                         ? append_timestamp_
                         : static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_) +
                                                static_cast<uint64_t>(timestamp_delta));
  record.raw_headers = {at, static_cast<size_t>(end - at)};
  at_ = end;
  --left_;
  return true;
}

bool RecordReader::fail() {
  corrupt_ = true;
  left_ = 0;
  at_ = end_;
  return false;
}

Status RecordReader::status() const {
  if (corrupt_) return corrupt("records of a batch are damaged");
  return {};
}

}  // namespace records
