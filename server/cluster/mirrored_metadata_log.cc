#include "server/cluster/mirrored_metadata_log.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "storage/meta/cluster_table.h"

namespace server {

using storage::MetadataCommand;
using storage::MetadataRecord;

namespace {

// Time limit for an append. Clients wait for the results of their definitions, so they have to get
// an answer even if etcd is slow.
constexpr int64_t kPatienceUs = 10'000'000;
// Size limit of a command; etcd accepts requests of 1.5 megabytes.
constexpr size_t kMostBytes = 1'000'000;

Error stopping() { return {ErrorCode::ShuttingDown, "the server is stopping"}; }

}  // namespace

// --- The loop

void MirroredMetadataLog::read(const MetadataRecord& record, const storage::ClusterTable& cluster) {
  Kept kept{{record.revision, {}}, cluster};
  for (const storage::MetadataPart& part : record.command.parts)
    if (part.type != storage::kClusterPart) kept.record.command.parts.push_back(part);
  std::vector<std::function<void(Result<Revision>)>> answers;
  {
    const std::lock_guard lock(mutex_);
    assert(record.revision > last_);  // gaps are possible: unreadable commands are left out
    records_.push_back(std::move(kept));
    last_ = record.revision;
    if (moved_) moved_(record.revision);
    answers = take_answered();
  }
  for (const auto& done : answers) done(record.revision);
}

void MirroredMetadataLog::load(const storage::MetadataSnapshot& snapshot) {
  storage::MetadataSnapshot kept{snapshot.revision, {}};
  for (const storage::MetadataPart& part : snapshot.state.parts)
    if (part.type != storage::kClusterPart) kept.state.parts.push_back(part);
  std::vector<std::function<void(Result<Revision>)>> answers;
  {
    const std::lock_guard lock(mutex_);
    records_.clear();
    loaded_ = std::move(kept);
    last_ = snapshot.revision;
    if (moved_) moved_(snapshot.revision);
    answers = take_answered();
  }
  for (const auto& done : answers) done(snapshot.revision);
}

std::vector<std::function<void(Result<Revision>)>> MirroredMetadataLog::take_answered() {
  std::vector<std::function<void(Result<Revision>)>> answers;
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    const bool is_there = each->second.revision && *each->second.revision <= last_;
    if (is_there) answers.push_back(std::move(each->second.done));
    each = is_there ? waiting_.erase(each) : std::next(each);
  }
  return answers;
}

std::function<void(Result<Revision>)> MirroredMetadataLog::take(uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return {};
  auto done = std::move(found->second.done);
  waiting_.erase(found);
  return done;
}

void MirroredMetadataLog::appended(uint64_t number, Result<Revision> revision) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(number);
    if (found == waiting_.end()) return;
    if (revision && *revision > last_) {
      assert(!found->second.revision);  // each append is answered once
      found->second.revision = *revision;
      return;
    }
  }
  if (const auto done = take(number)) done(std::move(revision));
}

void MirroredMetadataLog::tick() {
  std::vector<uint64_t> late;
  {
    const std::lock_guard lock(mutex_);
    const int64_t now_us = clock_.monotonic_us();
    for (const auto& [number, waiting] : waiting_)
      if (now_us >= waiting.give_up_us) late.push_back(number);
  }
  for (const uint64_t number : late)
    if (const auto done = take(number))
      done(Error{ErrorCode::ReadTimeout,
                 "etcd does not answer: it is not known whether the change was made",
                 {},
                 "Check whether the change was made before you retry."});
}

void MirroredMetadataLog::stop() {
  std::map<uint64_t, Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    waiting.swap(waiting_);
  }
  for (const auto& [number, each] : waiting) each.done(stopping());
}

// --- Any thread

void MirroredMetadataLog::append(Revision last, MetadataCommand command,
                                 std::function<void(Result<Revision>)> done) {
  if (const size_t size = encode(command).size(); size > kMostBytes)
    return done(Error{
        ErrorCode::LimitExceeded,
        fmt::format("the change takes {} bytes, but etcd accepts at most {}", size, kMostBytes),
        {},
        "Make the change in several steps with fewer partitions each."});
  uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!is_stopped_) {
      number = ++last_number_;
      waiting_[number] = {done, clock_.monotonic_us() + kPatienceUs};
    }
  }
  if (number == 0) return done(stopping());
  post_([this, number, last, command = std::move(command),
         alive = std::weak_ptr<const char>(alive_)] {
    if (alive.expired()) return;
    append_(last, command, [this, number, alive](Result<Revision> revision) {
      if (!alive.expired()) appended(number, std::move(revision));
    });
  });
}

Revision MirroredMetadataLog::last_revision() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

Result<std::vector<MetadataRecord>> MirroredMetadataLog::read(Revision first,
                                                              size_t max_count) const {
  const std::lock_guard lock(mutex_);
  while (!records_.empty() && records_.front().record.revision < first) records_.pop_front();
  if (loaded_ && first > loaded_->revision) loaded_.reset();
  if (first <= last_ && (records_.empty() || records_.front().record.revision != first))
    return Error{ErrorCode::OffsetOutOfRange,
                 fmt::format("revision {} has been read already", first.value())};
  std::vector<MetadataRecord> records;
  for (size_t i = 0; i < records_.size() && i < max_count; ++i)
    records.push_back(records_[i].record);
  return records;
}

void MirroredMetadataLog::watch(std::function<void(Revision)> moved) {
  const std::lock_guard lock(mutex_);
  moved_ = std::move(moved);
}

Result<std::optional<storage::MetadataSnapshot>> MirroredMetadataLog::load_snapshot() const {
  const std::lock_guard lock(mutex_);
  return loaded_;
}

void MirroredMetadataLog::save_snapshot(storage::MetadataSnapshot snapshot,
                                        std::function<void(Status)> done) {
  is_wanted_ = false;
  std::optional<storage::ClusterTable> cluster;
  {
    const std::lock_guard lock(mutex_);
    for (const Kept& kept : records_)
      if (kept.record.revision == snapshot.revision) cluster = kept.cluster;
  }
  if (!cluster)
    return done(Error{ErrorCode::OffsetOutOfRange,
                      fmt::format("revision {} is no longer stored", snapshot.revision.value())});
  snapshot.state.parts.push_back({std::string(storage::kClusterPart), cluster->save()});
  Result<std::string> bytes = storage::encode_metadata_snapshot(snapshot);
  if (!bytes) return done(bytes.error());
  post_([this, revision = snapshot.revision, bytes = *std::move(bytes),
         alive = std::weak_ptr<const char>(alive_)] {
    if (!alive.expired()) save_(revision, bytes);
  });
  done({});
}

}  // namespace server
