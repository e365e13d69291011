#include "tests/sim/session_client.h"

#include <fmt/format.h>

#include <map>

#include "records/batch_builder.h"

namespace sim {

using storage::TopicPartition;

namespace {

constexpr int64_t kOpenUs = 5'000'000;  // longest time to wait for an open transaction

constexpr int64_t kPauseUs = 30'000, kLookUs = 50'000, kAskUs = 15'000;

struct NumbersRead {
  int64_t last = 0;
  Offset end;
};

// Returns the numbers that the node can read; empty if it cannot read the partition.
std::optional<NumbersRead> read_numbers(SimNode& node, const TopicPartition& partition) {
  const auto status = node.log()->find_partition(partition);
  if (!status || !node.has_replica(partition) || !node.reader()->begin_turn()) return std::nullopt;
  NumbersRead read{0, status->log_start()};
  while (true) {
    const auto batches = node.reader()->read(partition, read.end, 1 << 20);
    if (!batches || batches->empty()) break;
    for (const storage::BatchRef& batch : *batches) {
      for (const std::string& value : values_of(batch.bytes))
        if (const auto number = number_of(value)) read.last = *number;
      read.end = batch.last_offset + 1;
    }
  }
  node.reader()->end_turn();
  return read;
}

}  // namespace

void SessionClient::next() {
  is_idle_ = is_stopping_;
  if (is_idle_) return;
  SimNode& node = *world_.chance.one_of(world_.nodes);
  if (!node.is_running()) return pause();
  ++statement_;
  // If the process dies before it starts the statement, no answer arrives, so the client looks from
  // time to time whether the process still lives.
  look_whether_it_died(node, node.life(), statement_);
  node.run(node.life(), [this, &node] { begin(node); });
}

void SessionClient::look_whether_it_died(SimNode& node, uint64_t life, uint64_t statement) {
  world_.queue.after(kLookUs, [this, &node, life, statement] {
    if (statement != statement_) return;
    if (node.life() == life) return look_whether_it_died(node, life, statement);
    ++statement_;
    next();
  });
}

bool SessionClient::end(uint64_t statement) {
  if (statement != statement_) return false;
  ++statement_;
  return true;
}

void SessionClient::pause_after_answer() {
  world_.queue.after(world_.chance.between(kPauseUs / 2, kPauseUs * 2), [this] { next(); });
}

void SessionClient::pause() {
  world_.queue.after(kPauseUs, [this] { next(); });
}

// --- Rows

// Appends several batches, as large statements do.
void RowWriter::begin(SimNode& node) {
  partition_ = world_.chance.one_of(partitions_);
  values_.clear();
  std::string batches;
  const int64_t count = world_.chance.one_in(5) ? world_.chance.between(2, 9) : 1;
  for (int64_t i = 0; i < count; ++i) {
    records::BatchBuilder builder;
    const int64_t rows = world_.chance.between(1, 4);
    for (int64_t row = 0; row < rows; ++row) {
      values_.push_back(fmt::format("{}-{}", name_, count_++));
      builder.append(1'000, "key", values_.back());
    }
    batches += builder.finish();
  }
  node.cluster()->appends().append(
      partition_, std::move(batches),
      [this, statement = statement()](const Result<storage::AppendedBatch>& result) {
        answered(statement, result);
      });
}

void RowWriter::answered(uint64_t statement, const Result<storage::AppendedBatch>& result) {
  if (!end(statement)) return;
  if (result)
    checker_.acknowledged_up_to(partition_, result->last_offset, values_);
  else if (result.error().detail == "No row was written.")
    checker_.refused(partition_, values_);
  pause_after_answer();
}

// --- Numbers

void Counter::begin(SimNode& node) {
  partition_ = world_.chance.one_of(partitions_);
  const std::optional<NumbersRead> read = read_numbers(node, partition_);
  if (!read) {
    end(statement());
    return pause();
  }
  value_ = fmt::format("{}{} by {} at {}", kNumberPrefix, read->last + 1, name_, statement());
  records::BatchBuilder builder;
  builder.append(1'000, kNumberPrefix, value_);
  node.cluster()->appends().append_unless_changed(
      partition_, builder.finish(), read->end,
      [this, statement = statement()](const Result<storage::AppendedBatch>& result, size_t) {
        answered(statement, result);
      });
}

void Counter::answered(uint64_t statement, const Result<storage::AppendedBatch>& result) {
  if (!end(statement)) return;
  if (result)
    checker_.acknowledged_up_to(partition_, result->last_offset, {value_});
  else if (result.error().detail == "No row was written." ||
           result.error().code == ErrorCode::ObjectState)
    checker_.refused(partition_, {value_});
  pause_after_answer();
}

// --- Rows in several partitions

void Committer::begin(SimNode& node) {
  transaction_ = checker_.begin(fmt::format("{}.{}", name_, statement()));
  transaction_->state = SimTransaction::State::CommitAsked;
  const bool is_on_condition = world_.chance.one_in(3);
  std::vector<server::TransactionCommits::Part> parts;
  for (const TopicPartition& partition : world_.transactions.written)
    if (!world_.chance.one_in(4)) parts.push_back(make_part(node, partition, is_on_condition));
  if (parts.empty())
    parts.push_back(make_part(node, world_.transactions.written.front(), is_on_condition));
  node.cluster()->commits().commit(std::move(parts),
                                   [this, statement = statement()](const Committed& committed) {
                                     answered(statement, committed);
                                   });
}

server::TransactionCommits::Part Committer::make_part(SimNode& node,
                                                      const TopicPartition& partition,
                                                      bool is_on_condition) {
  server::TransactionCommits::Part part{TransactionTopics::kName, partition, {}};
  const std::string key = is_on_condition ? "shared" : name_;
  if (is_on_condition) part.since = TransactionChecker::stable_end(node, partition);
  auto& values = transaction_->values[partition];
  const int64_t batches = world_.chance.one_in(4) ? world_.chance.between(2, 12) : 1;
  for (int64_t i = 0; i < batches; ++i) {
    records::BatchBuilder builder;
    for (int64_t rows = world_.chance.between(1, 3); rows > 0; --rows) {
      values.push_back(
          fmt::format("{}/{}/{}", transaction_->name, partition.partition.value(), values.size()));
      builder.append(1'000, key, values.back());
    }
    part.batches += builder.finish();
  }
  return part;
}

void Committer::answered(uint64_t statement, const Committed& committed) {
  if (!end(statement)) return;
  using State = SimTransaction::State;
  if (committed) {
    transaction_->state = State::Committed;
    for (const storage::AppendedBatch& batch : *committed)
      if (!checker_.has_ended(batch.partition, batch.last_offset))
        world_.findings.add(
            fmt::format("transaction {} was acknowledged before its end reached orders {}",
                        transaction_->name, batch.partition.partition.value()));
    look_whether_visible(*committed);
  } else if (committed.error().detail == "Nothing of the transaction was written.") {
    transaction_->state = State::Aborted;
  }
  pause_after_answer();
}

// Checks that the rows are visible, even if another client has an open transaction in the
// partition.
void Committer::look_whether_visible(const std::vector<storage::AppendedBatch>& batches) {
  SimNode& node = *world_.chance.one_of(world_.nodes);
  if (!node.is_running()) return;
  node.run(node.life(), [this, &node, batches, name = transaction_->name] {
    std::vector<TopicPartition> partitions;
    for (const storage::AppendedBatch& batch : batches) partitions.push_back(batch.partition);
    node.cluster()->ends().ask(
        partitions, kOpenUs,
        [this, batches, name](const Result<server::LeaderEndRequests::Ends>& ends) {
          for (size_t i = 0; ends && i < batches.size(); ++i)
            if (ends->at(i).second <= batches[i].last_offset)
              world_.findings.add(
                  fmt::format("transaction {} was acknowledged, but the leader shows orders {} up "
                              "to {}, not {}",
                              name, batches[i].partition.partition.value(),
                              ends->at(i).second.value(), batches[i].last_offset.value()));
        });
  });
}

// --- Requests for the ends of partitions

void EndAsker::next() {
  if (is_stopping_) return;
  SimNode& node = *world_.chance.one_of(world_.nodes);
  if (node.is_running()) node.run(node.life(), [this, &node] { ask(node, partitions_); });
  world_.queue.after(world_.chance.between(kAskUs / 2, kAskUs * 2), [this] { next(); });
}

void EndAsker::ask(SimNode& node, const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, Offset> acknowledged;
  for (const TopicPartition& partition : partitions)
    acknowledged[partition] = checker_.acknowledged_end(partition);
  node.cluster()->ends().ask(
      partitions, kOpenUs,
      [this, id = node.id(), acknowledged](const Result<server::LeaderEndRequests::Ends>& ends) {
        if (!ends) return;
        ++answers_;
        for (const auto& [partition, end] : *ends)
          if (end < acknowledged.at(partition))
            findings_.add(fmt::format(
                "node {} got for partition {} the end {}, although {} was acknowledged before",
                id.value(), partition.partition.value(), end.value(),
                acknowledged.at(partition).value()));
      });
}

}  // namespace sim
