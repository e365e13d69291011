#include "records/control_batch.h"

#include "base/bytes.h"
#include "records/batch_builder.h"

namespace records {

namespace {

constexpr int16_t kVersion = 0;  // version of the key and of the value
constexpr uint8_t kTransactional = 16, kControl = 32;
constexpr size_t kLowAttributes = 22;  // the place of the low byte of the attributes

// Sets attributes. set_producer() also updates the checksum, which covers the attributes.
void set_attributes(std::span<char> batch, uint8_t bits, const ProducerStamp& stamp) {
  batch[kLowAttributes] = static_cast<char>(static_cast<uint8_t>(batch[kLowAttributes]) | bits);
  set_producer(batch, stamp);
}

}  // namespace

std::string marker_batch(ProducerId producer, int16_t producer_epoch,
                         const TransactionMarker& marker, int64_t timestamp_ms) {
  std::string key, value;
  append_be(key, kVersion);
  append_be(key, static_cast<int16_t>(marker.end));
  append_be(value, kVersion);
  append_be(value, marker.coordinator_epoch);
  BatchBuilder builder;
  builder.append(timestamp_ms, key, value);
  std::string batch = builder.finish();
  set_attributes(batch, kTransactional | kControl, {producer, producer_epoch, -1});
  return batch;
}

Result<TransactionMarker> parse_marker(const BatchView& batch) {
  const Error other{ErrorCode::CorruptRecord, "a control batch does not end a transaction"};
  std::string scratch;
  auto reader = TRY(RecordReader::open(batch, scratch));
  RecordView record;
  if (!batch.header.is_control() || !reader.next(record) || !record.key || !record.value)
    return other;
  // Later versions add fields at the end, so the fields of version 0 can be read in every version.
  ByteReader key(*record.key), value(*record.value);
  key.be<int16_t>();
  value.be<int16_t>();
  const auto type = key.be<int16_t>();
  const TransactionMarker marker{static_cast<TransactionEnd>(type), value.be<int32_t>()};
  if (!key.ok() || !value.ok() || type < 0 || type > 1) return other;
  return marker;
}

void set_transactional(std::span<char> batch) {
  const uint8_t bits = kTransactional;
  batch[kLowAttributes] = static_cast<char>(static_cast<uint8_t>(batch[kLowAttributes]) | bits);
  const BatchHeader header =
      parse_batch({batch.data(), batch.size()}, BatchCheck::Shape).value().header;
  set_producer(batch, {header.producer_id, header.producer_epoch, header.base_sequence});
}

}  // namespace records
