// The Kafka record batch, version 2: the unit in which records are produced, stored and fetched.
// Layout: docs of the Kafka protocol, "Record Batch"; all numbers big-endian.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "records/compression.h"

namespace records {

inline constexpr size_t kBatchHeaderSize = 61;
inline constexpr size_t kBatchPrefixSize =
    12;  // base offset and length, which the length does not count
inline constexpr int64_t kNoTimestamp = -1;
inline constexpr ProducerId kNoProducer{-1};

struct BatchHeader {
  Offset base_offset;
  size_t size_bytes = 0;  // size of the whole batch, including the header
  LeaderEpoch leader_epoch;
  uint32_t crc = 0;
  uint16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t base_timestamp = kNoTimestamp;
  int64_t max_timestamp = kNoTimestamp;
  ProducerId producer_id = kNoProducer;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;

  Codec codec() const { return static_cast<Codec>(attributes & 7); }
  bool has_log_append_time() const { return (attributes & 8) != 0; }
  bool is_transactional() const { return (attributes & 16) != 0; }
  bool is_control() const { return (attributes & 32) != 0; }
  Offset last_offset() const { return base_offset + last_offset_delta; }
};

// A whole batch in memory that is owned elsewhere.
struct BatchView {
  BatchHeader header;
  std::string_view bytes;
  std::string_view payload() const { return bytes.substr(kBatchHeaderSize); }
};

enum class BatchCheck {
  Shape,        // checks only the header, for batches that this server has checked before
  ShapeAndCrc,  // checks the checksum, too, for batches from outside
};

// Parses the batch at the front of `bytes`, which may be followed by other batches. Fails with
// CorruptRecord if the batch is cut, has another version, or if its header contradicts itself or
// the checksum.
Result<BatchView> parse_batch(std::string_view bytes, BatchCheck check);

// Returns whether bytes that parse_batch() refuses are a whole batch of the known version that was
// damaged in transit. Only in this case can it help to send the batch again.
bool is_damaged_on_the_way(std::string_view bytes);

// The number of offsets of each record of a batch: one, as Kafka's clients write records, or
// several, if a record is a block of rows (BatchBuilder::append_block).
enum class RecordOffsets : uint8_t { One, Several };

// The range of timestamps of the records that have one.
struct RecordTimes {
  int64_t earliest = kNoTimestamp, latest = kNoTimestamp;
};

// Checks all records: count, offset deltas, lengths, header counts. Fails with CorruptRecord, or
// with RecordTooLarge if decompression gives more than `max_records_size` bytes.
Result<RecordTimes> check_records(const BatchView& batch, size_t max_records_size = kMaxRecordsSize,
                                  RecordOffsets offsets = RecordOffsets::One);
// Checks the decompressed records of a batch with this header.
Result<RecordTimes> check_records(const BatchHeader& header, std::string_view records,
                                  RecordOffsets offsets = RecordOffsets::One);

// These functions set fields of a parsed batch in place. The checksum remains valid, because it
// does not cover the base offset and the leader epoch.
void set_base_offset(char* batch, Offset base_offset);
void set_leader_epoch(char* batch, LeaderEpoch leader_epoch);
LeaderEpoch leader_epoch_of(const char* batch);

// The producer fields of a batch. The defaults stand for a producer without an identity.
struct ProducerStamp {
  ProducerId producer_id = kNoProducer;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
};
// Returns the sequence `by` records later. Sequences continue at 0 after the largest number
// (KIP-98).
inline int32_t advance_sequence(int32_t sequence, int32_t by) {
  return static_cast<int32_t>((int64_t{sequence} + by) & INT32_MAX);
}
// Writes the stamp into a parsed batch, and updates its checksum.
void set_producer(std::span<char> batch, const ProducerStamp& stamp);

// Writes the largest timestamp of its records into a parsed batch, and updates its checksum.
void set_max_timestamp(std::span<char> batch, int64_t timestamp);
// Sets the time of the append, in milliseconds, as the timestamp of all records of a parsed batch,
// and updates its checksum.
void set_log_append_time(std::span<char> batch, int64_t timestamp);

// Reads the headers of one record.
class HeaderReader {
 public:
  struct Header {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  explicit HeaderReader(std::string_view raw) : in_(raw), left_(in_.signed_varint()) {}
  // Returns the next header; nothing at the end, or if the bytes are malformed.
  std::optional<Header> next();

 private:
  ByteReader in_;
  int64_t left_;
};

// A record inside a batch; the views are valid as long as the reader's bytes.
struct RecordView {
  int32_t offset_delta = 0;
  int64_t timestamp = kNoTimestamp;
  std::optional<std::string_view> key, value;
  std::string_view raw_headers;  // the count and the headers in their stored form
  HeaderReader headers() const { return HeaderReader(raw_headers); }
};

// Reads the records of a batch without copying:
//   std::string scratch;
//   auto reader = TRY(RecordReader::open(batch, scratch));
//   for (RecordView record; reader.next(record);) ...
//   TRY(reader.status());
class RecordReader {
 public:
  // Decompresses into `scratch` if the batch has a codec; otherwise reads the batch in place. The
  // batch and `scratch` must outlive the reader. Fails like check_records().
  static Result<RecordReader> open(const BatchView& batch, std::string& scratch,
                                   size_t max_records_size = kMaxRecordsSize);

  // Reads records that are decompressed already, or were never compressed. Fails with CorruptRecord
  // if the header claims more records than the bytes can hold.
  static Result<RecordReader> over(const BatchHeader& header, std::string_view records);

  // A position between two records, from which another reader of the same batch can continue.
  struct Place {
    size_t position = 0;  // position in the bytes of the records
    int32_t left = 0;     // number of records that are left
  };
  Place place() const { return {static_cast<size_t>(at_ - begin_), left_}; }
  void go_to(const Place& place) {
    at_ = begin_ + place.position;
    left_ = place.left;
  }

  // Returns false at the end, and if the bytes are not records; status() distinguishes the two.
  bool next(RecordView& record);
  Status status() const;

 private:
  RecordReader(const BatchHeader& header, std::string_view records);
  bool fail();

  const char* begin_;
  const char* at_;
  const char* end_;
  int64_t base_timestamp_;
  int64_t append_timestamp_;
  bool has_append_time_;
  bool corrupt_ = false;
  int32_t left_;
};

}  // namespace records
