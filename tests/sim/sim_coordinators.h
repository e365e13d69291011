// The transaction coordinators of a process, as in the real server, and the way in which the process handles batches of
// transactional producers.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "server/cluster/transaction_calls.h"
#include "server/coordinator/key_partition.h"
#include "server/coordinator/transaction_shard.h"
#include "storage/log/topic_partition.h"

namespace sim {

class SimNode;

struct TransactionTopics {
  static constexpr const char* kName = "orders";  // name of the topic to which producers write
  std::vector<storage::TopicPartition> state, written;
  const storage::TopicPartition& state_of(const std::string& transactional_id) const {
    return state[static_cast<size_t>(
        server::coordinator::partition_of_key(transactional_id, static_cast<int32_t>(state.size()))
            .value())];
  }
};

// Rules of the server that a simulation can switch off.
struct TransactionSimRules {
  server::coordinator::TransactionRules coordinators = {.ends_at_once = false};
  bool verifies = true;  // whether a batch is checked for membership in a transaction
  bool guards = true;    // whether the end of the transaction after that check is noticed
  bool confirms = true;  // whether other nodes confirm that the coordinator was not replaced
};

// Threads: the simulation's. Owner: a process.
class SimCoordinators final : server::coordinator::CoordinatorPort, public server::TransactionHost {
 public:
  SimCoordinators(SimNode& node, const TransactionTopics& topics, const TransactionSimRules& rules,
                  std::function<ProducerId()> next_producer);

  // Follows changes of leadership, and runs the work that is due.
  void step();

  template <class Request>
  void ask(Request request, server::coordinator::Done<typename Request::Answer> done) {
    const storage::TopicPartition state = topics_.state_of(request.transactional_id);
    auto* partition = shard_.find(state.partition);
    const KafkaError why_not =
        partition != nullptr ? partition->unavailable() : server::coordinator::kNotCoordinator;
    if (why_not != KafkaError::None) return done(request.refusal(why_not));
    using Answer = typename Request::Answer;
    partition->handle(std::move(request), [this, state, done](Answer answer) {
      if (!rules_.confirms || !server::coordinator::is_verdict(answer.error))
        return done(std::move(answer));
      confirm(state, [done, answer = std::move(answer)](bool holds) {
        done(holds ? answer : Answer{.error = server::coordinator::kNotCoordinator});
      });
    });
  }

  // A batch of a transaction for one partition.
  struct Write {
    storage::TopicPartition partition;
    std::string batch;
    server::coordinator::AddPartitions membership;  // the partitions that are verified or added
  };
  enum class Written : uint8_t { Done, TryAgain, Refused, NotPartOfIt };
  void write(const Write& write, std::function<void(Written)> done);

 private:
  // The interface CoordinatorPort.
  const Clock& clock() const override;
  Result<Offset> read(PartitionId partition, Offset from, size_t max_bytes,
                      const EachBatch& each) override;
  Result<Extent> extent(PartitionId partition) override;
  void append(PartitionId partition, LeaderEpoch epoch, std::string batch,
              std::vector<Elsewhere> with, Guard guard, std::function<void(Status)> done) override;
  void defer(std::function<void()> task) override;
  void post_rest(std::function<void()> task) override;
  // The interface TransactionHost.
  void join(server::coordinator::AddPartitions request,
            server::coordinator::Done<server::coordinator::TransactionAnswer> done) override {
    ask(std::move(request), std::move(done));
  }
  void end(const storage::TopicPartition& partition, LeaderEpoch under,
           const server::coordinator::TransactionEnded& ended,
           std::function<void(Status)> done) override;
  void begin_commit(
      server::coordinator::InitProducer request,
      server::coordinator::Done<server::coordinator::InitializedProducer> done) override {
    ask(std::move(request), later(std::move(done)));
  }
  void end_commit(server::coordinator::EndTransaction request,
                  server::coordinator::Done<server::coordinator::EndedTransaction> done) override {
    ask(std::move(request), later(std::move(done)));
  }
  void place_commit(std::string ids, server::coordinator::Done<CommitPlace> done) override;
  // Sends the answer in a later event.
  template <class Answer>
  server::coordinator::Done<Answer> later(server::coordinator::Done<Answer> done) {
    return [this, done = std::move(done)](Answer answer) {
      defer([done, answer = std::move(answer)] { done(answer); });
    };
  }

  void append(storage::AppendRequest request, std::function<void(Status)> done);
  storage::TopicPartition state(PartitionId partition) const {
    return topics_.state[static_cast<size_t>(partition.value())];
  }
  void follow(const storage::TopicPartition& partition);
  void confirm(const storage::TopicPartition& state, std::function<void(bool)> done);

  SimNode& node_;
  const TransactionTopics& topics_;
  const TransactionSimRules& rules_;
  MemoryBudget memory_;
  server::coordinator::TransactionSettings settings_;
  server::coordinator::TransactionShard shard_;
  std::map<PartitionId, LeaderEpoch> led_;
};

}  // namespace sim
