// A member of etcd whose data are gone comes back as a new one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace server {

// Where a member is: URLs for its clients and for the other members.
struct EtcdPlace {
  std::string clients, peers;
};

// How a member without data begins.
enum class EtcdBegin : uint8_t {
  AsNew,       // with the others, of whom it is one that has never started
  AsExisting,  // as a new member of an etcd that is there
  NotYet,      // the others have to take it first
};

// The member without data: its name, and the URL at which others reach it.
struct EtcdNewcomer {
  std::string name, peers;
  // Whether etcd may be asked to take it: another process may have the name, and lives. Until then it is not yet.
  bool may_come = false;
};

// Asks the `others`, one after the other, how the newcomer begins, and to take it for a new one: what had its place or its
// name before is removed, unless it has never started. Who starts under a number whose votes and entries are gone breaks what a
// majority was promised; and who starts as if there were no etcd yet, while there is one whose members have other numbers by now,
// is a second one. To be called again while it is not yet, as etcd takes no changes for some seconds after one. Only for a member
// without data. Fails with NetworkFailure where nobody answers; who answers there and is of another etcd is nobody. Blocks for
// some seconds at most.
Result<EtcdBegin> rejoin_etcd(const std::vector<EtcdPlace>& others, const EtcdNewcomer& newcomer);

}  // namespace server
