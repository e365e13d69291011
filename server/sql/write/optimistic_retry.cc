#include "server/sql/write/optimistic_retry.h"

#include <algorithm>
#include <utility>

#include "records/batch.h"

namespace server {

namespace {

using Keys = RowBuffer::Keys;

// Collects the keys of the first `count` batches, and separately the keys of the other batches.
Status sort_keys(std::string_view batches, size_t count, Keys& first, Keys& others) {
  std::string scratch;
  for (size_t i = 0; !batches.empty(); ++i) {
    const auto batch = TRY(records::parse_batch(batches, records::BatchCheck::Shape));
    auto reader = TRY(records::RecordReader::open(batch, scratch));
    for (records::RecordView record; reader.next(record);)
      if (record.key) (i < count ? first : others).emplace(*record.key);
    batches.remove_prefix(batch.bytes.size());
  }
  return {};
}

std::string without_first(std::string_view batches, size_t count) {
  for (; count > 0 && !batches.empty(); --count) {
    const auto batch = records::parse_batch(batches, records::BatchCheck::Shape);
    batches.remove_prefix(batch->bytes.size());
  }
  return std::string(batches);
}

}  // namespace

OptimisticRetry::Changes OptimisticRetry::begin_without_condition(storage::AppendRequest request) {
  request_ = std::move(request);
  Changes changes;
  for (const storage::PartitionBatches& part : request_.parts)
    changes.push_back({part.partition, part.batches});
  return changes;
}

OptimisticRetry::Changes OptimisticRetry::begin(storage::AppendRequest request,
                                                const ReadEnds& read) {
  Changes changes = begin_without_condition(std::move(request));
  for (ClusterTopics::Change& change : changes) {
    const auto end = read.find(change.partition);
    change.read_to = end == read.end() ? Offset{0} : end->second;
  }
  return changes;
}

std::optional<Error> OptimisticRetry::told(std::vector<ClusterTopics::Changed> changed) {
  changed_ = std::move(changed);
  std::optional<Error> error;
  for (const ClusterTopics::Changed& part : changed_) {
    is_any_there_ |= part.appended || part.batches_there > 0;
    if (!part.appended && !part.was_overtaken() && !error) error = part.appended.error();
  }
  if (error && is_any_there_) error->detail = "Some of the rows were written.";
  return error;
}

bool OptimisticRetry::was_overtaken() const {
  return std::ranges::any_of(changed_, &ClusterTopics::Changed::was_overtaken);
}

OptimisticRetry::Changes OptimisticRetry::rest_without_condition() {
  storage::AppendRequest rest;
  for (size_t i = 0; i < changed_.size(); ++i)
    if (changed_[i].was_overtaken())
      rest.parts.push_back({request_.parts[i].partition,
                            without_first(request_.parts[i].batches, changed_[i].batches_there)});
  return begin_without_condition(std::move(rest));
}

Status OptimisticRetry::note_there() {
  if (!is_any_there_) return {};
  left_.emplace();
  for (size_t i = 0; i < changed_.size(); ++i)
    TRY(sort_keys(request_.parts[i].batches,
                  changed_[i].appended ? SIZE_MAX : changed_[i].batches_there, there_, *left_));
  return {};
}

std::vector<storage::AppendedBatch> OptimisticRetry::appended() const {
  std::vector<storage::AppendedBatch> appended;
  for (const ClusterTopics::Changed& part : changed_)
    if (part.appended) appended.push_back(*part.appended);
  return appended;
}

}  // namespace server
