// The requests to etcd (version 3 of its API), as a port: a server uses its gateway, a simulation
// has an etcd of its own.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace storage {

// etcd's revisions count all changes of all keys; they are not those of the metadata log.
using EtcdRevision = StrongNumber<struct EtcdRevisionTag, int64_t>;
using EtcdLease = StrongNumber<struct EtcdLeaseTag, int64_t>;  // 0: none

struct EtcdEntry {
  std::string key, value;
  EtcdRevision created, modified;
  EtcdLease lease = {};  // the key is removed with the lease
};

struct EtcdRange {
  std::string first, end;  // first <= key < end
  static EtcdRange only(const std::string& key) { return {key, key + '\0'}; }
};

// All or nothing: the puts and then the removals are done if all of `conditions` and `unchanged`
// hold.
struct EtcdTransaction {
  struct Created {
    std::string key;
    EtcdRevision revision;  // the key's creation; 0: the key does not exist
  };
  struct Put {
    std::string key, value;
    EtcdLease lease = {};  // the key is removed with the lease
  };
  struct Modified {
    std::string key;
    EtcdRevision revision;  // the key's last change; 0: the key does not exist
  };
  std::vector<Created> conditions;
  std::vector<Put> puts;
  std::vector<EtcdRange> removals;
  std::vector<Modified> unchanged = {};  // more conditions
};
struct EtcdOutcome {
  bool is_done;  // the conditions held
  EtcdRevision revision;
};

struct EtcdFound {
  std::vector<EtcdEntry> entries;  // in the order of the keys
  EtcdRevision revision;           // revision of the read state
};

// A change in a range; a removed key has no `entry`.
struct EtcdEvent {
  std::string key;
  std::optional<EtcdEntry> entry;
};
struct EtcdEvents {
  std::vector<EtcdEvent> events;
  EtcdRevision revision;  // all events up to here have been delivered
};

// Each answer arrives once, on the caller's loop, never within the call. After NetworkFailure the
// outcome of a transaction or a grant is unknown; it may still happen. A destroyed client gives no
// answers.
//
// Threads: one loop.
class EtcdClient {
 public:
  virtual ~EtcdClient() = default;
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  virtual void commit(EtcdTransaction transaction, Answer<EtcdOutcome> answer) = 0;
  // Finds the entries as of now, including everything that was committed before the request.
  virtual void find(EtcdRange range, Answer<EtcdFound> answer) = 0;
  // Finds the first entry of the range as of now.
  virtual void find_first(EtcdRange range, Answer<EtcdFound> answer) = 0;

  // Destroying the object ends the watch.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  // Delivers the events in the range from `first` on, in order, and finally the reason for the end:
  // the connection was lost (NetworkFailure), or `first` is too old (OffsetOutOfRange).
  virtual std::unique_ptr<Watch> watch(EtcdRange range, EtcdRevision first,
                                       std::function<void(Result<EtcdEvents>)> tell) = 0;

  // Forgets the state before that revision, for all clients. Fails with OffsetOutOfRange if it was
  // forgotten already.
  virtual void compact(EtcdRevision revision, Answer<EtcdRevision> answer) = 0;

  virtual void grant_lease(int64_t ttl_ms, Answer<EtcdLease> answer) = 0;
  // Renews the lease. Fails with OffsetOutOfRange if the lease has ended.
  virtual void keep_alive(EtcdLease lease, Answer<EtcdLease> answer) = 0;
};

}  // namespace storage
