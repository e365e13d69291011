#include "tests/sim/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "records/batch.h"

namespace sim {

using storage::PartitionStatus;
using storage::ReadUpTo;
using storage::ReplicaRole;
using storage::TopicPartition;

std::vector<std::string> values_of(std::string_view bytes) {
  std::vector<std::string> values;
  const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
  if (!batch || batch->header.is_control()) return values;
  std::string scratch;
  auto reader = records::RecordReader::open(*batch, scratch);
  if (!reader) return values;
  for (records::RecordView record; reader->next(record);)
    values.emplace_back(record.value.value_or(""));
  return values;
}

std::optional<int64_t> number_of(std::string_view value) {
  if (!value.starts_with(kNumberPrefix)) return std::nullopt;
  value.remove_prefix(kNumberPrefix.size());
  int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::string Checker::name_of(const TopicPartition& partition) const {
  for (const SimTask::Places& task : tasks_) {
    if (task.journal == partition) return fmt::format("journal {}", partition.partition.value());
    if (task.output == partition) return fmt::format("output {}", partition.partition.value());
  }
  return fmt::format("partition {}", partition.partition.value());
}

bool Checker::is_journal(const TopicPartition& partition) const {
  return std::ranges::find(tasks_, partition, &SimTask::Places::journal) != tasks_.end() ||
         std::ranges::find(unnamed_, partition) != unnamed_.end();
}

void Checker::check_copy(const SimTask::Places& task, const std::string& value, size_t index) {
  const std::vector<std::string>& input = histories_[task.input].values;
  if (index < input.size() && input[index] == value) return;
  findings_.add(fmt::format("{}: its record {} is {}, but {}", name_of(task.output), index, value,
                            index < input.size()
                                ? fmt::format("the input has {}", input[index])
                                : fmt::format("the input has {} visible records", input.size())));
}

bool Checker::are_tasks_done() {
  return std::ranges::all_of(tasks_, [&](const SimTask::Places& task) {
    return histories_[task.output].values.size() == histories_[task.input].values.size();
  });
}

size_t Checker::visible_count() const {
  size_t count = 0;
  for (const auto& [partition, history] : histories_) count += history.by_value.size();
  return count;
}

void Checker::check(SimNode& node) {
  for (const TopicPartition& partition : partitions_) {
    const auto status = node.log()->find_partition(partition);
    if (!status) continue;
    check_leader(node, partition, *status);
    check_visible(node, partition, *status);
  }
}

void Checker::check_leader(SimNode& node, const TopicPartition& partition,
                           const PartitionStatus& status) {
  // A process that has just started leads no partition yet, even if its log still shows it as the leader.
  if (status.role() == ReplicaRole::Follower || !node.cluster()->replicas().check_leads(partition))
    return;
  History& history = histories_[partition];
  const auto [leader, is_new] = history.leaders.try_emplace(status.leader_epoch(), node.id());
  if (is_new)
    findings_.trace(fmt::format("{} is led by node {} in epoch {} from {} (visible {})",
                                name_of(partition), node.id().value(),
                                status.leader_epoch().value(), status.log_end().value(),
                                history.end.value()));
  if (leader->second != node.id())
    findings_.add(fmt::format("{} has two leaders in epoch {}: nodes {} and {}", name_of(partition),
                              status.leader_epoch().value(), leader->second.value(),
                              node.id().value()));
  const bool is_newest = status.leader_epoch() == history.leaders.rbegin()->first;
  if (is_newest && status.log_end() < history.end)
    findings_.add(fmt::format("{}: its leader, node {} in epoch {}, ends at {}, but {} was visible",
                              name_of(partition), node.id().value(), status.leader_epoch().value(),
                              status.log_end().value(), history.end.value()));
}

void Checker::check_in_sync(SimNode& node, const TopicPartition& partition) {
  const Offset visible = histories_[partition].end;
  const auto status = node.log()->find_partition(partition);
  const Offset end = status ? status->log_end() : Offset{0};
  if (end < visible)
    findings_.add(fmt::format("{}: node {} is in sync and ends at {}, but {} was visible",
                              name_of(partition), node.id().value(), end.value(), visible.value()));
}

void Checker::check_visible(SimNode& node, const TopicPartition& partition,
                            const PartitionStatus& status) {
  auto& [life, from] = looked_[{node.id(), partition}];
  if (life != node.life()) from = Offset{0};
  life = node.life();
  const Offset high_watermark = status.high_watermark();
  if (high_watermark < from) from = Offset{0};  // the log was truncated, so it is checked again
  if (high_watermark == from) return;
  from = std::max(from, status.log_start());
  if (!node.reader()->begin_turn()) return;
  while (from < high_watermark) {
    const auto batches = node.reader()->read(partition, from, 1 << 20);
    if (!batches || batches->empty()) break;
    for (const storage::BatchRef& batch : *batches) {
      take(node, partition, batch.base_offset, batch.bytes);
      from = batch.last_offset + 1;
    }
  }
  node.reader()->end_turn();
}

void Checker::take(SimNode& node, const TopicPartition& partition, Offset base,
                   std::string_view bytes) {
  History& history = histories_[partition];
  const auto found = history.batches.find(base);
  if (found != history.batches.end()) {
    if (found->second.bytes != bytes)
      findings_.add(
          fmt::format("{}: node {} shows another batch at offset {} than was shown before",
                      name_of(partition), node.id().value(), base.value()));
    return;
  }
  if (base < history.end) {
    findings_.add(fmt::format("{}: node {} shows a batch at offset {} that did not exist before",
                              name_of(partition), node.id().value(), base.value()));
    return;
  }
  const auto parsed = records::parse_batch(bytes, records::BatchCheck::Shape);
  Batch batch{std::string(bytes), parsed->header.last_offset() + 1, values_of(bytes)};
  Offset offset = base;
  for (const std::string& value : batch.values) {
    if (is_journal(partition)) break;
    const auto [before, is_new] = history.by_value.emplace(value, offset);
    if (!is_new)
      findings_.add(fmt::format("{}: {} is at offset {} and at {}", name_of(partition), value,
                                before->second.value(), offset.value()));
    for (const SimTask::Places& task : tasks_)
      if (task.output == partition) check_copy(task, value, history.values.size());
    if (const auto number = number_of(value); number && *number != ++history.last_number)
      findings_.add(fmt::format("{}: {} follows number {}", name_of(partition), value,
                                history.last_number - 1));
    history.values.push_back(value);
    ++offset;
  }
  history.end = batch.end;
  history.batches.emplace(base, std::move(batch));
}

void Checker::acknowledged(const TopicPartition& partition, Offset base_offset,
                           const std::vector<std::string>& values) {
  History& history = histories_[partition];
  Offset offset = base_offset;
  for (const std::string& value : values) {
    const auto found = history.by_value.find(value);
    if (found == history.by_value.end() || found->second != offset)
      findings_.add(fmt::format(
          "{}: {} was acknowledged at offset {}, but {}", name_of(partition), value, offset.value(),
          found == history.by_value.end() ? std::string("was never visible")
                                          : fmt::format("is at {}", found->second.value())));
    ++offset;
  }
  acknowledged_count_ += values.size();
  history.acknowledged_end = std::max(history.acknowledged_end, offset);
}

// Checks that the acknowledged values are in the log, in their order. They need not be adjacent: if the append took
// more than one request, records of other writers may be between them.
void Checker::acknowledged_up_to(const TopicPartition& partition, Offset last_offset,
                                 const std::vector<std::string>& values) {
  History& history = histories_[partition];
  Offset before{-1};
  for (const std::string& value : values) {
    const auto found = history.by_value.find(value);
    const bool is_there = found != history.by_value.end() && found->second > before;
    if (!is_there) {
      findings_.add(fmt::format("{}: {} was acknowledged, but is missing or out of order",
                                name_of(partition), value));
      return;
    }
    before = found->second;
  }
  if (before != last_offset)
    findings_.add(fmt::format("{}: {} was acknowledged at offset {}, but is at {}",
                              name_of(partition), values.back(), last_offset.value(),
                              before.value()));
  acknowledged_count_ += values.size();
  history.acknowledged_end = std::max(history.acknowledged_end, last_offset + 1);
}

void Checker::refused(const TopicPartition& partition, const std::vector<std::string>& values) {
  std::vector<std::string>& all = histories_[partition].refused;
  all.insert(all.end(), values.begin(), values.end());
}

void Checker::closed(const TopicPartition& partition, Offset end) {
  histories_[partition].closed_end = end;
}

void Checker::opened(const TopicPartition& partition, LeaderEpoch epoch) {
  History& history = histories_[partition];
  if (const auto end = std::exchange(history.closed_end, std::nullopt))
    history.closed.emplace_back(*end, epoch);
}

// A batch has the epoch of the leader that appended it.
void Checker::check_closed(const TopicPartition& partition, const History& history) {
  for (const auto& [end, opened] : history.closed)
    for (auto batch = history.batches.lower_bound(end); batch != history.batches.end(); ++batch) {
      const auto parsed =
          records::parse_batch(batch->second.bytes, records::BatchCheck::Shape)->header;
      if (!parsed.is_control() && parsed.leader_epoch < opened)
        findings_.add(fmt::format(
            "{}: offset {} has epoch {}, and the partition was closed at {} until epoch {}",
            name_of(partition), batch->first.value(), parsed.leader_epoch.value(), end.value(),
            opened.value()));
    }
}

Offset Checker::acknowledged_end(const TopicPartition& partition) const {
  const auto found = histories_.find(partition);
  return found == histories_.end() ? Offset{0} : found->second.acknowledged_end;
}

bool Checker::is_equal(SimNode& node, const TopicPartition& partition) {
  const Offset end = histories_[partition].end;
  const auto status = node.log()->find_partition(partition);
  if (!node.has_replica(partition)) return !status || status->log_end() == Offset{0};
  return status && status->high_watermark() == end && status->log_end() == end;
}

bool Checker::are_replicas_equal(const std::vector<std::unique_ptr<SimNode>>& nodes) {
  for (const TopicPartition& partition : partitions_)
    for (const auto& node : nodes)
      if (node->is_running() && !is_equal(*node, partition)) return false;
  return true;
}

void Checker::check_end(const std::vector<std::unique_ptr<SimNode>>& nodes) {
  for (const auto& [partition, history] : histories_) {
    check_closed(partition, history);
    for (const std::string& value : history.refused)
      if (history.by_value.contains(value))
        findings_.add(
            fmt::format("{}: {} exists, but a writer got the error that it was not written",
                        name_of(partition), value));
  }
  for (const TopicPartition& partition : partitions_)
    for (const auto& node : nodes) {
      if (!node->is_running() || is_equal(*node, partition)) continue;
      const auto status = node->log()->find_partition(partition);
      findings_.add(fmt::format(
          "{}: after all faults have ended, node {} ends at {} and shows up to {}, but {} "
          "was visible ({})",
          name_of(partition), node->id().value(), status ? status->log_end().value() : -1,
          status ? status->high_watermark().value() : -1, histories_[partition].end.value(),
          node->cluster()->replicas().describe(partition)));
    }
}

}  // namespace sim
