#include "storage/replica/range_digest.h"

#include <fmt/format.h>

#include <algorithm>

#include "records/batch.h"
#include "records/crc32c.h"

namespace storage {

namespace {

struct Turn {
  LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

void add(RangeDigest& digest, const BatchRef& batch) {
  // a factor that mixes the hashes of the batches (the prime of FNV-1a)
  constexpr uint64_t kPrime = 0x100000001b3;
  digest.digest = (digest.digest ^ records::crc32c(batch.bytes)) * kPrime;
  digest.digest = (digest.digest ^ batch.bytes.size()) * kPrime;
  digest.size_bytes += batch.bytes.size();
  digest.end = batch.last_offset + 1;
  if (!digest.damaged && !records::parse_batch(batch.bytes, records::BatchCheck::ShapeAndCrc))
    digest.damaged = batch.base_offset;
}

}  // namespace

Result<RangeDigest> digest_range(const Log& log, LogReader& reader, const TopicPartition& partition,
                                 Offset from, std::optional<Offset> end, size_t max_bytes) {
  constexpr size_t kAtOnce = 256 << 10;
  RangeDigest digest;
  TRY(reader.begin_turn());
  {
    const Turn turn{reader};
    const Offset visible = TRY(reader.readable_end(partition));
    if (end && visible < *end)
      return Error{ErrorCode::NotEnoughReplicas,
                   fmt::format("offset {} is not visible here yet", end->value())};
    const Offset until = end.value_or(visible);
    if (!end) from = std::max(from, TRY(reader.log_start(partition)));
    digest.from = digest.end = from;
    for (bool has_more = true; has_more && digest.end < until;) {
      const auto batches = TRY(reader.read(partition, digest.end, kAtOnce));
      if (!batches.empty() && digest.size_bytes == 0) digest.from = batches.front().base_offset;
      has_more = false;
      for (const BatchRef& batch : batches) {
        if (batch.last_offset >= until || (!end && digest.size_bytes >= max_bytes)) break;
        add(digest, batch);
        has_more = true;
      }
    }
  }
  const auto status = log.find_partition(partition);
  if (!status) return Error{ErrorCode::UnknownTopic, "the partition was removed"};
  digest.comparable_from = std::max(status->log_start(), status->gaps_end());
  return digest;
}

}  // namespace storage
