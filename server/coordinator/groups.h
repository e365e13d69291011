// The port through which front ends reach the coordinators of groups, wherever they run. server/node
// implements it over the loops; tests call one partition.
#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/coordinator/group_partition.h"

namespace server::coordinator {

struct ListedGroups {
  KafkaError error = KafkaError::None;
  std::vector<GroupListing> groups = {};
};

// Threads: belongs to one loop, and answers there, once each, perhaps inside the call.
class Groups {
 public:
  virtual ~Groups() = default;

  // Any request of group_messages.h that names a group.
  template <class Request>
  void ask(Request request, Done<typename Request::Answer> done) {
    std::string group_id = request.group_id;
    run(group_id, [request = std::move(request), done = std::move(done), home = home()](
                      GroupPartition* partition, KafkaError why_not) mutable {
      using Answer = typename Request::Answer;
      Done<Answer> answer = [done = std::move(done), home = std::move(home)](Answer given) {
        home([done, given = std::move(given)]() mutable { done(std::move(given)); });
      };
      if (!partition) return answer(request.refusal(why_not));
      partition->handle(std::move(request), std::move(answer));
    });
  }
  // The same for heartbeats, which are many.
  virtual void heartbeat(GroupHeartbeat request, Done<GroupHeartbeatAnswer> done) {
    ask(std::move(request), std::move(done));
  }
  // The groups of all partitions.
  virtual void list(Done<ListedGroups> done) = 0;
  // Makes the topic of the groups if it is not there yet, and answers when there are coordinators.
  virtual void prepare(Done<KafkaError> done) = 0;

 protected:
  // Runs `work` on the loop of the group's partition; without one, and with the reason, when none can
  // answer.
  using Work = std::function<void(GroupPartition* partition, KafkaError why_not)>;
  virtual void run(const std::string& group_id, Work work) = 0;
  // Brings an answer back to the loop of the asker.
  using Home = std::function<void(std::function<void()>)>;
  virtual Home home() = 0;
};

}  // namespace server::coordinator
