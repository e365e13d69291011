// Answers questions of other nodes about transactions on one of this node's loops, by asking the loop's coordinators
// and its log.
#pragma once
#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "server/cluster/transaction_calls.h"
#include "server/node/coordinators.h"

namespace server {

// Threads: any; callbacks run on the loop. Owner: the node; the loop and its parts outlive it.
class TransactionRelay final : public TransactionHost {
 public:
  TransactionRelay(const CoordinatorPlace& place, coordinator::Groups& groups,
                   coordinator::Transactions& transactions, const Clock& clock)
      : place_(place), groups_(groups), transactions_(transactions), clock_(clock) {}

  void join(coordinator::AddPartitions request,
            coordinator::Done<coordinator::TransactionAnswer> done) override;
  void begin_commit(coordinator::InitProducer request,
                    coordinator::Done<coordinator::InitializedProducer> done) override {
    ask(std::move(request), std::move(done));
  }
  void end_commit(coordinator::EndTransaction request,
                  coordinator::Done<coordinator::EndedTransaction> done) override {
    ask(std::move(request), std::move(done));
  }
  void place_commit(std::string ids, coordinator::Done<CommitPlace> done) override;
  void end(const storage::TopicPartition& partition, LeaderEpoch under,
           const coordinator::TransactionEnded& ended, std::function<void(Status)> done) override;

 private:
  CommitPlace find_place(const std::string& ids) const;
  template <class Request>
  void ask(Request request, coordinator::Done<typename Request::Answer> done) {
    place_.loop->post([this, request = std::move(request), done = std::move(done)]() mutable {
      transactions_.ask(std::move(request), std::move(done));
    });
  }

  const CoordinatorPlace place_;
  coordinator::Groups& groups_;
  coordinator::Transactions& transactions_;
  const Clock& clock_;
};

}  // namespace server
