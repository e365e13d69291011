// Fuzz target: a records field of a Produce request. A batch that passes the checks before an
// append can be read to its end, and has the contents that its header describes.
#include <cassert>
#include <string>

#include "records/batch.h"
#include "records/crc32c.h"
#include "storage/log/requests.h"

namespace {

constexpr size_t kLengthAt = 8, kCrcAt = 17, kCrcStart = 21;

// Sets the length and the checksum to the correct values, because a fuzzer cannot guess them.
std::string repaired(std::string batch) {
  if (batch.size() < records::kBatchHeaderSize) return batch;
  store_be(batch.data() + kLengthAt,
           static_cast<int32_t>(batch.size() - records::kBatchPrefixSize));
  store_be(batch.data() + kCrcAt, records::crc32c(std::string_view(batch).substr(kCrcStart)));
  return batch;
}

void read_all(std::string_view batches) {
  while (!batches.empty()) {
    const records::BatchView batch =
        records::parse_batch(batches, records::BatchCheck::Shape).value();
    std::string scratch;
    auto reader = records::RecordReader::open(batch, scratch).value();
    int32_t record_count = 0;
    for (records::RecordView record; reader.next(record); ++record_count) {
      records::HeaderReader headers = record.headers();
      while (headers.next()) {
      }
    }
    assert(reader.status());
    assert(record_count == batch.header.record_count);
    assert(record_count - 1 == batch.header.last_offset_delta);
    batches.remove_prefix(batch.header.size_bytes);
  }
}

// Reads the bytes without the checks of client requests, as readers of stored records do.
void read_unchecked(std::string_view bytes) {
  const auto batch = records::parse_batch(bytes, records::BatchCheck::Shape);
  if (!batch) return;
  std::string scratch;
  auto reader = records::RecordReader::open(*batch, scratch);
  if (!reader) return;
  for (records::RecordView record; reader->next(record);) {
    records::HeaderReader headers = record.headers();
    while (headers.next()) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  read_unchecked(bytes);
  for (const std::string& batches : {bytes, repaired(bytes)})
    if (storage::check_for_append(batches)) read_all(batches);
  return 0;
}
