#include "tests/sim/transaction_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "records/batch.h"
#include "records/control_batch.h"
#include "storage/log/transaction_index.h"

namespace sim {

using storage::TopicPartition;
using State = SimTransaction::State;

std::shared_ptr<SimTransaction> TransactionChecker::begin(const std::string& name) {
  return transactions_[name] = std::make_shared<SimTransaction>(SimTransaction{name});
}

void TransactionChecker::check(SimNode& node) {
  for (const TopicPartition& partition : partitions_) {
    const auto status = node.log()->find_partition(partition);
    if (!status) continue;
    Look& look = looks_[{node.id(), partition}];
    if (look.life != node.life()) look = {node.life(), Offset{0}, Offset{0}, Offset{0}};
    const Offset visible = status->high_watermark();
    if (visible == look.visible && status->log_end() == look.log_end) continue;
    History& history = histories_[partition];
    if (history.end < visible && node.reader()->begin_turn()) {
      const auto batches = node.reader()->read(partition, history.end, 1 << 20);
      for (size_t i = 0; batches && i < batches->size(); ++i)
        take(partition, (*batches)[i].base_offset, (*batches)[i].bytes);
      node.reader()->end_turn();
    }
    const Offset stable = stable_end(node, partition);
    check_stable(node, partition, visible, stable);
    if (stable > look.stable) read_committed(node, partition, look.stable, stable);
    look.visible = visible;
    look.log_end = status->log_end();
    look.stable = stable;
  }
}

void TransactionChecker::take(const TopicPartition& partition, Offset base,
                              std::string_view bytes) {
  History& history = histories_[partition];
  if (base < history.end) return;
  const auto batch = records::parse_batch(bytes, records::BatchCheck::Shape);
  const records::BatchHeader& header = batch->header;
  history.end = header.last_offset() + 1;
  if (header.producer_id == records::kNoProducer) return;
  int16_t& epoch = history.epochs.try_emplace(header.producer_id, int16_t{-1}).first->second;
  if (header.producer_epoch < epoch)
    findings_.add(
        fmt::format("orders {}: producer {} writes under epoch {} at offset {}, after epoch {}",
                    partition.partition.value(), header.producer_id.value(), header.producer_epoch,
                    base.value(), epoch));
  epoch = std::max(epoch, header.producer_epoch);
  const auto open = history.open.find(header.producer_id);
  if (header.is_control()) {
    if (open == history.open.end()) return;
    Visible& ended = history.transactions[open->second];
    ended.marker = base;
    ended.is_committed = records::parse_marker(*batch)->end == records::TransactionEnd::Commit;
    history.open.erase(open);
    return;
  }
  size_t which = history.transactions.size();
  if (open == history.open.end()) {
    history.transactions.push_back({header.producer_id, base});
    history.open[header.producer_id] = which;
  } else {
    which = open->second;
  }
  history.of_batch[base] = which;
}

void TransactionChecker::check_stable(SimNode& node, const TopicPartition& partition,
                                      Offset high_watermark, Offset stable) {
  for (const Visible& each : histories_[partition].transactions)
    if (each.first < stable && (!each.marker || *each.marker >= high_watermark))
      findings_.add(fmt::format(
          "orders {}: node {} shows committed records up to {}, but a transaction is open since {}",
          partition.partition.value(), node.id().value(), stable.value(), each.first.value()));
}

void TransactionChecker::read_committed(SimNode& node, const TopicPartition& partition, Offset from,
                                        Offset end) {
  if (!node.reader()->begin_turn()) return;
  History& history = histories_[partition];
  const auto batches = node.reader()->read(partition, from, 1 << 20, storage::ReadUpTo::LastStable);
  const auto aborted = node.reader()->aborted(partition, from, end);
  if (batches && aborted) {
    const storage::AbortedBatches left_out(*aborted);
    for (const storage::BatchRef& ref : *batches) {
      const auto batch = records::parse_batch(ref.bytes, records::BatchCheck::Shape);
      if (batch->header.is_control() || ref.base_offset >= end) continue;
      const auto known = history.of_batch.find(ref.base_offset);
      const bool is_shown = !left_out.contains(batch->header);
      if (known == history.of_batch.end()) continue;
      if (is_shown != history.transactions[known->second].is_committed)
        findings_.add(fmt::format("orders {}: node {} {} the batch at {}",
                                  partition.partition.value(), node.id().value(),
                                  is_shown ? "shows" : "does not show", ref.base_offset.value()));
      if (!is_shown || ref.base_offset < history.shown_end) continue;
      std::string scratch;
      auto reader = records::RecordReader::open(*batch, scratch);
      for (records::RecordView record; reader->next(record);)
        show(partition, std::string(record.value.value_or("")));
    }
    history.shown_end = std::max(history.shown_end, end);
  }
  node.reader()->end_turn();
}

void TransactionChecker::show(const TopicPartition& partition, const std::string& value) {
  const auto found = transactions_.find(value.substr(0, value.find('/')));
  if (found == transactions_.end())
    return findings_.add(fmt::format("no client has sent {}", value));
  SimTransaction& transaction = *found->second;
  if (transaction.state != State::CommitAsked && transaction.state != State::Committed)
    findings_.add(fmt::format("{} is shown, but its transaction was not committed", value));
  transaction.seen[partition].push_back(value);
}

bool TransactionChecker::is_whole(const SimTransaction& transaction) const {
  return transaction.seen == transaction.values;
}

bool TransactionChecker::has_ended(const TopicPartition& partition, Offset offset) const {
  const auto history = histories_.find(partition);
  if (history == histories_.end()) return false;
  const auto next = history->second.of_batch.upper_bound(offset);
  if (next == history->second.of_batch.begin()) return false;
  return history->second.transactions[std::prev(next)->second].marker.has_value();
}

// Returns the last stable offset that clients get as an answer.
Offset TransactionChecker::stable_end(SimNode& node, const TopicPartition& partition) {
  if (!node.reader()->begin_turn()) return Offset{0};
  const auto stable = node.reader()->last_stable_offset(partition);
  node.reader()->end_turn();
  return stable ? *stable : Offset{0};
}

bool TransactionChecker::is_quiet(const std::vector<std::unique_ptr<SimNode>>& nodes) const {
  for (const TopicPartition& partition : partitions_)
    for (const auto& node : nodes) {
      if (node->is_running() && !node->has_replica(partition)) continue;
      const auto status = node->is_running() ? node->log()->find_partition(partition) : nullptr;
      if (!status || stable_end(*node, partition) < status->log_end()) return false;
    }
  return true;
}

std::string TransactionChecker::describe_open(const TopicPartition& partition) {
  const History& history = histories_[partition];
  std::string text;
  for (const auto& [producer, which] : history.open)
    text += fmt::format("; producer {} of epoch {} is open since {}", producer.value(),
                        history.epochs.at(producer), history.transactions[which].first.value());
  return text;
}

void TransactionChecker::check_end(const std::vector<std::unique_ptr<SimNode>>& nodes) {
  for (const TopicPartition& partition : partitions_)
    for (const auto& node : nodes) {
      if (!node->is_running() || !node->has_replica(partition)) continue;
      const auto status = node->log()->find_partition(partition);
      if (!status) continue;
      const Offset stable = stable_end(*node, partition);
      if (stable < status->log_end())
        findings_.add(
            fmt::format("orders {}: after all faults have ended, node {} ends at {}, but shows "
                        "committed records only up to {}{}",
                        partition.partition.value(), node->id().value(), status->log_end().value(),
                        stable.value(), describe_open(partition)));
    }
  for (const auto& [name, transaction] : transactions_) {
    if (transaction->seen.empty() && transaction->state != State::Committed) continue;
    if (is_whole(*transaction)) continue;
    size_t seen = 0, sent = 0;
    for (const auto& [partition, values] : transaction->seen) seen += values.size();
    for (const auto& [partition, values] : transaction->values) sent += values.size();
    findings_.add(fmt::format(
        "transaction {}, {}: {} records were sent, {} are shown", name,
        transaction->state == State::Committed ? "which was committed" : "whose outcome is unknown",
        sent, seen));
  }
}

size_t TransactionChecker::committed_count() const {
  return static_cast<size_t>(std::ranges::count_if(
      transactions_, [](const auto& each) { return each.second->state == State::Committed; }));
}

}  // namespace sim
