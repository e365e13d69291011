#include "server/sql/read/committed_ends.h"

#include <algorithm>

#include "server/tasks/log_ports.h"

namespace server {

void CommittedEnds::note(const std::vector<storage::AppendedBatch>& batches) {
  const std::lock_guard lock(mutex_);
  if (tables_.size() >= forget_at_) forget_dropped();
  for (const storage::AppendedBatch& batch : batches) {
    // Stores the end even if no reader has asked for the table yet. A later reader could not find
    // out that these rows exist: if a transaction is open, the readable end of the topic lies
    // before its first record, and so also before these rows.
    Table& table = tables_[batch.partition.topic];
    Offset& end = table.ends[batch.partition.partition];
    if (end >= batch.last_offset + 1) continue;
    end = batch.last_offset + 1;
    ++table.version;
  }
}

CommittedEnds::Needed CommittedEnds::needed(const Uuid& topic, int32_t partitions,
                                            const Keeper& keeper) {
  const std::lock_guard lock(mutex_);
  return needed_of(topic, table_of(topic, partitions, keeper));
}

CommittedEnds::Needed CommittedEnds::needed_by_writer(const Uuid& topic, int32_t partitions,
                                                      const Keeper& keeper) {
  const std::lock_guard lock(mutex_);
  Table& table = table_of(topic, partitions, keeper);
  raise_to_end(topic, partitions, table);
  return needed_of(topic, table);
}

void CommittedEnds::note_passed(const Uuid& topic, const Keeper& keeper, uint64_t version) {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(topic);
  if (found == tables_.end() || found->second.keeper != keeper) return;
  found->second.passed_version = std::max(found->second.passed_version, version);
}

bool CommittedEnds::has_passed(const Uuid& topic, const Keeper& keeper) const {
  const std::lock_guard lock(mutex_);
  const auto found = tables_.find(topic);
  return found != tables_.end() && found->second.keeper == keeper &&
         found->second.passed_version == found->second.version;
}

CommittedEnds::Table& CommittedEnds::table_of(const Uuid& topic, int32_t partitions,
                                              const Keeper& keeper) {
  if (tables_.size() >= forget_at_) forget_dropped();
  Table& table = tables_[topic];
  if (table.keeper == keeper) return table;
  table.keeper = keeper;
  ++table.version;
  raise_to_end(topic, partitions, table);
  return table;
}

void CommittedEnds::raise_to_end(const Uuid& topic, int32_t partitions, Table& table) const {
  for (PartitionId i{0}; i < PartitionId{partitions}; ++i) {
    const auto status = log_.find_partition({topic, i});
    if (!status) continue;
    Offset& end = table.ends[i];
    if (end >= status->readable_end()) continue;
    end = status->readable_end();
    ++table.version;
  }
}

CommittedEnds::Needed CommittedEnds::needed_of(const Uuid& topic, const Table& table) const {
  Needed needed{{}, table.version, table.passed_version == table.version};
  for (const auto& [partition, end] : table.ends)
    if (end > Offset(0)) needed.ends.emplace_back(engine::PartitionRef{topic, partition}, end);
  return needed;
}

void CommittedEnds::forget_dropped() {
  std::erase_if(tables_, [this](const auto& entry) {
    return !log_.find_partition({entry.first, PartitionId(0)});
  });
  // forget_at_ grows with the number of tables, so that the search for dropped tables is rare and
  // its average cost stays small.
  forget_at_ = 2 * tables_.size() + 256;
}

}  // namespace server
