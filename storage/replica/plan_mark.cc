#include "storage/replica/plan_mark.h"

#include "base/bytes.h"
#include "records/batch.h"
#include "records/batch_builder.h"

namespace storage {

namespace {

// The value differs from those of the other entries with an empty key: the start of an epoch has an
// empty value, a delivered_mark() one of 8 bytes, and a piece of a snapshot another letter.
constexpr uint8_t kPlanMarkKind = 'p';

}  // namespace

std::string plan_mark(Revision revision) {
  std::string value;
  append_be(value, kPlanMarkKind);
  append_be(value, revision.value());
  records::BatchBuilder builder;
  builder.append(records::kNoTimestamp, "", value);
  return builder.finish();
}

std::optional<Revision> read_plan_mark(std::string_view bytes) {
  const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
  if (!batch || batch->header.is_control() || batch->header.record_count != 1) return std::nullopt;
  std::string scratch;
  auto reader = records::RecordReader::open(*batch, scratch);
  records::RecordView record;
  if (!reader || !reader->next(record) || !record.key || !record.key->empty() || !record.value)
    return std::nullopt;
  ByteReader in(*record.value);
  if (in.be<uint8_t>() != kPlanMarkKind) return std::nullopt;
  const Revision revision{in.be<int64_t>()};
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return revision;
}

}  // namespace storage
