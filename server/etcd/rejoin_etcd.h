// Replaces an etcd member that has lost its data: removes it from the etcd cluster, and adds it again as a new member.
// etcd does not accept the old member with an empty directory.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace server {

// The URLs of an etcd member, for its clients and for the other members.
struct EtcdPlace {
  std::string clients, peers;
};

// How a member without data starts.
enum class EtcdBegin : uint8_t {
  AsNew,       // one of the initial members, which has never been started
  AsExisting,  // as a new member of an existing etcd
  NotYet,      // not yet: the other members have to add the newcomer first
};

// The member without data: its name, and its URL for other members.
struct EtcdNewcomer {
  std::string name, peers;
  // True if etcd may be asked to add the member. If false, the answer is NotYet, since another
  // living process may have the name.
  bool may_come = false;
};

// Asks the `others`, one after the other, until one answers how the newcomer starts. If necessary,
// it requests that etcd adds the newcomer as a new member. The member that had the newcomer's URL
// or name before is removed, unless it has never started.
//
// A member that has lost its data must not keep its id: it would break promises that it has made to
// the majority by votes and entries. It must not start as part of a new cluster either: if an etcd
// exists whose members have other ids by now, this would create a second etcd.
//
// Only for a member without data. Call it again while the answer is NotYet, since etcd accepts no
// change of members for some seconds after another one. Fails with NetworkFailure if no member
// answers; an answer of another etcd does not count. Blocks for some seconds at most.
Result<EtcdBegin> rejoin_etcd(const std::vector<EtcdPlace>& others, const EtcdNewcomer& newcomer);

}  // namespace server
