#include "server/cluster/log_calls.h"

#include <fmt/format.h>

#include <algorithm>

namespace server {

using storage::TopicPartition;

namespace {

constexpr int64_t kLogPatienceUs = 2'000'000;
constexpr int64_t kLeaderPatienceUs = 500'000;  // shorter than the time limit for group queries of
                                                // other nodes

}  // namespace

void LogCalls::ask(const std::vector<TopicPartition>& partitions, Done done) {
  const auto cluster = around_.cluster();
  Asked asked;
  for (const TopicPartition& partition : partitions)
    if (const storage::PartitionAssignment* known = cluster->find(partition))
      for (const NodeId id : known->replicas)
        if (const storage::ClusterNode* node = cluster->find(id); node && !node->is_fenced)
          asked[id].push_back(partition);
  begin(std::move(asked), kLogPatienceUs,
        [done = std::move(done)](const Found& found, const auto& silent) {
          done(answer(found, silent));
        });
}

void LogCalls::ask_leaders(const std::vector<TopicPartition>& partitions, EndsDone done) {
  const auto cluster = around_.cluster();
  Asked asked;
  for (const TopicPartition& partition : partitions)
    if (const auto* known = cluster->find(partition); known && known->leader)
      asked[*known->leader].push_back(partition);
  begin(std::move(asked), kLeaderPatienceUs,
        [done = std::move(done)](const Found& found, const auto&) {
          std::map<TopicPartition, Offset> ends;
          for (const auto& [partition, log] : found.best)
            ends.emplace(partition, log.first.high_watermark);
          done(std::move(ends));
        });
}

void LogCalls::begin(Asked asked, int64_t patience_us, FoundDone done) {
  Found found{std::move(asked), {}};
  std::set<NodeId> others;
  for (const auto& [node, its] : found.asked)
    if (node != around_.self) others.insert(node);
  if (const auto own = found.asked.find(around_.self); own != found.asked.end())
    found.take(around_.self, logs_of(own->second));
  if (others.empty()) return done(found, {});
  const uint64_t number = questions_.open(
      others, patience_us,
      [this, done = std::move(done)](uint64_t own_number, const std::set<NodeId>& silent) {
        done(found_.extract(own_number).mapped(), silent);
      });
  for (const NodeId other : others) around_.send(other, AskLogs{number, found.asked.at(other)});
  found_.emplace(number, std::move(found));
}

void LogCalls::on_message(NodeId from, const AskLogs& message) {
  around_.send(from, LogsReported{message.number, logs_of(message.partitions)});
}

void LogCalls::on_message(NodeId from, const LogsReported& message) {
  if (!questions_.is_open(message.number, from)) return;
  found_.at(message.number).take(from, message.logs);
  questions_.answered(message.number, from);
}

std::vector<LogsReported::Log> LogCalls::logs_of(
    const std::vector<TopicPartition>& partitions) const {
  std::vector<LogsReported::Log> logs;
  for (const TopicPartition& partition : partitions) logs.push_back(around_.log_of(partition));
  return logs;
}

// Keeps the best log for each partition, the first one if two logs are equal.
void LogCalls::Found::take(NodeId node, const std::vector<LogsReported::Log>& logs) {
  const std::vector<TopicPartition>& partitions = asked.at(node);
  for (size_t i = 0; i < std::min(partitions.size(), logs.size()); ++i) {
    const auto [place, is_first] = best.try_emplace(partitions[i], logs[i], node);
    if (!is_first && place->second.first < logs[i]) place->second = {logs[i], node};
  }
}

Result<LogCalls::Best> LogCalls::answer(const Found& found, const std::set<NodeId>& silent) {
  if (!silent.empty())
    return Error{
        ErrorCode::NetworkFailure,
        fmt::format("node {} has not reported the ends of its logs", silent.begin()->value())};
  Best best;
  for (const auto& [partition, log] : found.best) best.emplace(partition, log.second);
  return best;
}

}  // namespace server
