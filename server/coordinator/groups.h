// The interface of the coordinators of groups.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "server/coordinator/coordinators.h"
#include "server/coordinator/group_partition.h"
#include "server/coordinator/member_pulse.h"

namespace server::coordinator {

struct ListedGroups {
  KafkaError error = KafkaError::None;
  std::vector<GroupListing> groups = {};
};

class Groups : public Coordinators<GroupPartition, ListedGroups> {
 public:
  // Handles a heartbeat. Most heartbeats concern a group in which nothing changes, and only show
  // that the member is alive. The loop of the member's connection answers such a heartbeat itself
  // (MemberPulses), without the coordinator.
  void heartbeat(GroupHeartbeat request, int64_t now_us, Done<GroupHeartbeatAnswer> done) {
    std::string key = request.instance_id ? std::string()
                                          : MemberPulses::key(request.group_id, request.member_id,
                                                              request.generation);
    if (!key.empty() && pulses_.beat(key, now_us)) return done({});
    ask(std::move(request),
        [this, key = std::move(key), done = std::move(done)](GroupHeartbeatAnswer answer) mutable {
          if (answer.pulse) pulses_.keep(std::move(key), std::move(answer.pulse));
          done(std::move(answer));
        });
  }

 private:
  MemberPulses pulses_;  // pulses of the members that are connected to this loop
};

}  // namespace server::coordinator
