#include "storage/log/append_unless_changed.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"

namespace storage {

namespace {

using Keys = absl::flat_hash_set<std::string>;

Error changed() {
  return {ErrorCode::ObjectState, "records with these keys were written concurrently"};
}

// Calls `visit` for each record until it returns false. Returns the number of decompressed bytes.
// Fails with RecordTooLarge if the batch has more than `most_bytes`.
template <class Visit>
Result<size_t> each_record(const records::BatchView& batch, size_t most_bytes, Visit visit) {
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch, most_bytes));
  for (records::RecordView record; reader.next(record);)
    if (!visit(record)) return scratch.size();
  TRY(reader.status());
  return scratch.size();
}

Result<Keys> keys_of(std::string_view batches) {
  Keys keys;
  while (!batches.empty()) {
    const auto batch = TRY(records::parse_batch(batches, records::BatchCheck::Shape));
    TRY(each_record(batch, records::kMaxRecordsSize, [&](const records::RecordView& record) {
      if (record.key) keys.emplace(*record.key);
      return true;
    }));
    batches.remove_prefix(batch.bytes.size());
  }
  return keys;
}

Result<ProducerId> producer_of(std::string_view batches) {
  return TRY(records::parse_batch(batches, records::BatchCheck::Shape)).header.producer_id;
}

}  // namespace

Result<std::vector<AppendedBatch>> GroupTransaction::append_unless_changed(
    AppendRequest& request, const Unchanged& unchanged) {
  Plan plan;
  for (PartitionBatches& part : request.parts) TRY(add_to(plan, part));
  if (!std::ranges::all_of(plan.batches, &PlannedBatch::is_duplicate))
    for (const PartitionBatches& part : request.parts)
      if (!unchanged.only_in || *unchanged.only_in == part.partition)
        TRY(check_unchanged(part, unchanged));
  return write(plan);
}

Status GroupTransaction::check_unchanged(const PartitionBatches& part, const Unchanged& unchanged) {
  const Moved& moved = moved_[TRY(find(part.partition))];
  if (unchanged.since >= moved.state.log_end) return {};
  if (unchanged.since < moved.state.log_start) return changed();
  const Keys keys = TRY(keys_of(part.batches));
  const ProducerId own = TRY(producer_of(part.batches));
  size_t bytes_left = kMostBytesSince;
  auto cursor = TRY(BatchCursor::open(*transaction_, *moved.partition));
  for (auto stored = TRY(cursor.seek(unchanged.since)); stored; stored = TRY(cursor.next())) {
    const auto batch = TRY(records::parse_batch(stored->bytes, records::BatchCheck::Shape));
    const records::BatchHeader& header = batch.header;
    const bool is_own = unchanged.own_from && header.base_offset >= *unchanged.own_from &&
                        header.producer_id == own;
    if (is_own || header.is_control()) continue;
    if (stored->bytes.size() > bytes_left) return changed();
    bytes_left -= stored->bytes.size();
    bool has_one = false;
    const auto read = each_record(batch, bytes_left, [&](const records::RecordView& record) {
      has_one = header.base_offset + record.offset_delta >= unchanged.since && record.key &&
                keys.contains(std::string(*record.key));
      return !has_one;
    });
    if (has_one || (!read && read.error().code == ErrorCode::RecordTooLarge)) return changed();
    if (!read) return read.error();
    bytes_left -= std::min(bytes_left, *read);
  }
  return {};
}

void append_unless_changed(Log& log, AppendRequest request, Unchanged unchanged, AppendDone done) {
  const size_t bytes = size_of(request);
  // `kept` and `appended` are shared with the queued request, because the writer runs the request
  // again if its commit group is repeated.
  const auto kept = std::make_shared<AppendRequest>(std::move(request));
  const auto appended = std::make_shared<Appended>();
  LogCore& core = log.core();
  core.submit(
      [&core, kept, unchanged, appended](GroupTransaction& group) -> Status {
        TRY(core.admit(*kept));
        *appended = {group.commit_id(), TRY(group.append_unless_changed(*kept, unchanged))};
        return {};
      },
      [&core, appended, done = std::move(done)](const Status& status) mutable {
        if (!status) return done(status.error());
        core.when_visible(std::move(*appended), std::move(done));
      },
      bytes);
}

}  // namespace storage
