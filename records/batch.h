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
    12;  // base offset and length, which the length leaves out
inline constexpr int64_t kNoTimestamp = -1;
inline constexpr ProducerId kNoProducer{-1};

struct BatchHeader {
  Offset base_offset;
  size_t size_bytes = 0;  // of the whole batch, header included
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

// A whole batch in memory that somebody else keeps.
struct BatchView {
  BatchHeader header;
  std::string_view bytes;
  std::string_view payload() const { return bytes.substr(kBatchHeaderSize); }
};

enum class BatchCheck {
  Shape,        // what follows from the header: for batches that this system has checked before
  ShapeAndCrc,  // the checksum too: for batches from outside
};

// The batch at the front of `bytes`; what follows it stays for the next call. Fails with
// CorruptRecord when the batch is cut, is of another version, or its header contradicts itself or
// the checksum.
Result<BatchView> parse_batch(std::string_view bytes, BatchCheck check);

// Of bytes that parse_batch() refuses: a whole batch of the known version lies there, and its bytes
// have changed on the way. To send it again may help, which it does not for any other fault.
bool is_damaged_on_the_way(std::string_view bytes);

// What offsets the records of a batch have: one each, as Kafka's clients write them, or several where
// a record is a block of rows (BatchBuilder::append_block).
enum class RecordOffsets : uint8_t { One, Several };

// Of the records that have a timestamp.
struct RecordTimes {
  int64_t earliest = kNoTimestamp, latest = kNoTimestamp;
};

// Walks all records: count, offset deltas, lengths, header counts. Fails with CorruptRecord, or
// with RecordTooLarge when more than `max_records_size` bytes come out of the compression.
Result<RecordTimes> check_records(const BatchView& batch, size_t max_records_size = kMaxRecordsSize,
                                  RecordOffsets offsets = RecordOffsets::One);
// The same of what a batch with this header was decompressed into.
Result<RecordTimes> check_records(const BatchHeader& header, std::string_view records,
                                  RecordOffsets offsets = RecordOffsets::One);

// Base offset and leader epoch lie outside the checksum, so a broker sets them in place.
// The caller has parsed the batch.
void set_base_offset(char* batch, Offset base_offset);
void set_leader_epoch(char* batch, LeaderEpoch leader_epoch);
LeaderEpoch leader_epoch_of(const char* batch);

// What a batch says about its producer; the default is a producer without an identity.
struct ProducerStamp {
  ProducerId producer_id = kNoProducer;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
};
// Sequences count records and go on at 0 after the largest number (KIP-98).
inline int32_t advance_sequence(int32_t sequence, int32_t by) {
  return static_cast<int32_t>((int64_t{sequence} + by) & INT32_MAX);
}
// Writes the stamp into a parsed batch, and the new checksum of it all.
void set_producer(std::span<char> batch, const ProducerStamp& stamp);

// Writes the largest timestamp of its records into a parsed batch, and the new checksum of it all.
void set_max_timestamp(std::span<char> batch, int64_t timestamp);
// Makes a parsed batch carry the time of its append, in milliseconds, for all of its records.
void set_log_append_time(std::span<char> batch, int64_t timestamp);

// Walks the headers of one record.
class HeaderReader {
 public:
  struct Header {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  explicit HeaderReader(std::string_view raw) : in_(raw), left_(in_.signed_varint()) {}
  // The next header; nothing at the end or when the bytes lie.
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
  std::string_view raw_headers;  // the count and the headers as they lie in the record
  HeaderReader headers() const { return HeaderReader(raw_headers); }
};

// Walks the records of a batch without copying:
//   std::string scratch;
//   auto reader = TRY(RecordReader::open(batch, scratch));
//   for (RecordView record; reader.next(record);) ...
//   TRY(reader.status());
class RecordReader {
 public:
  // Decompresses into `scratch` when there is a codec, else reads the batch in place; both must
  // outlive the reader. Fails like check_records.
  static Result<RecordReader> open(const BatchView& batch, std::string& scratch,
                                   size_t max_records_size = kMaxRecordsSize);

  // A reader of records that are decompressed already, or were never compressed. Fails with
  // CorruptRecord when the header claims more of them than the bytes can hold.
  static Result<RecordReader> over(const BatchHeader& header, std::string_view records);

  // Between two records, to go on there with another reader of the same batch.
  struct Place {
    size_t position = 0;  // in the records' bytes
    int32_t left = 0;     // records
  };
  Place place() const { return {static_cast<size_t>(at_ - begin_), left_}; }
  void go_to(const Place& place) {
    at_ = begin_ + place.position;
    left_ = place.left;
  }

  // False at the end, and when the bytes are not records; status() tells which.
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
