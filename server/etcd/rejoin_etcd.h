// The replacement of an etcd member that has lost its data: it returns as a new member.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace server {

// The URLs of a member, for its clients and for the other members.
struct EtcdPlace {
  std::string clients, peers;
};

// The way in which a member without data starts.
enum class EtcdBegin : uint8_t {
  AsNew,       // one of the initial members, which has never started
  AsExisting,  // a new member of an existing etcd
  NotYet,      // the others have to add it first
};

// The member without data: its name, and its URL for other members.
struct EtcdNewcomer {
  std::string name, peers;
  // Whether etcd may be asked to add it. Until then the answer is NotYet, since another living
  // process may have the name.
  bool may_come = false;
};

// Asks the `others`, one after the other, how the newcomer starts, and requests that etcd adds it
// as a new member. The member that had its URL or its name before is removed, unless that has never
// started.
//
// A member that starts with an old id after losing its votes and entries breaks the promises to the
// majority. A member that starts as part of a new cluster, while one exists whose members have
// other ids by now, creates a second etcd.
//
// Only for a member without data. Call it again while the answer is NotYet, since etcd accepts no
// change of members for some seconds after another one. Fails with NetworkFailure if no member
// answers; an answer of another etcd does not count. Blocks for some seconds at most.
Result<EtcdBegin> rejoin_etcd(const std::vector<EtcdPlace>& others, const EtcdNewcomer& newcomer);

}  // namespace server
