// The requests to etcd (version 3 of its API) as an interface. A server implements it with etcd's
// HTTP gateway, and the simulation with a simulated etcd.
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

// A revision of etcd, which counts all changes of all keys. It is not a revision of the metadata
// log.
using EtcdRevision = StrongNumber<struct EtcdRevisionTag, int64_t>;
using EtcdLease = StrongNumber<struct EtcdLeaseTag, int64_t>;  // 0: none

struct EtcdEntry {
  std::string key, value;
  EtcdRevision created, modified;
  EtcdLease lease = {};  // the key is removed with the lease
};

struct EtcdRange {
  std::string first, end;  // keys with first <= key < end
  static EtcdRange only(const std::string& key) { return {key, key + '\0'}; }
};

// A transaction of etcd. If all elements of `conditions` and `unchanged` hold, etcd executes the
// puts and then the removals; otherwise it does nothing.
struct EtcdTransaction {
  struct Created {
    std::string key;
    EtcdRevision revision;  // revision in which the key was created; 0: the key does not exist
  };
  struct Put {
    std::string key, value;
    EtcdLease lease = {};  // the key is removed with the lease
  };
  struct Modified {
    std::string key;
    EtcdRevision revision;  // revision of the key's last change; 0: the key does not exist
  };
  std::vector<Created> conditions;
  std::vector<Put> puts;
  std::vector<EtcdRange> removals;
  std::vector<Modified> unchanged = {};  // further conditions of the transaction
};
struct EtcdOutcome {
  bool is_done;  // the conditions held, and the changes were made
  EtcdRevision revision;
};

struct EtcdFound {
  std::vector<EtcdEntry> entries;  // in the order of the keys
  EtcdRevision revision;           // revision of the read state
};

// A change of a key in a watched range. `entry` is nothing if the key was removed.
struct EtcdEvent {
  std::string key;
  std::optional<EtcdEntry> entry;
};
struct EtcdEvents {
  std::vector<EtcdEvent> events;
  EtcdRevision revision;  // all events up to this revision have been delivered
};

// Each answer arrives once, on the caller's loop, and never within the call. After NetworkFailure
// the outcome of a transaction or a grant is unknown: etcd may still execute it later. A destroyed
// client delivers no answers.
//
// Threads: one loop.
class EtcdClient {
 public:
  virtual ~EtcdClient() = default;
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  virtual void commit(EtcdTransaction transaction, Answer<EtcdOutcome> answer) = 0;
  // Returns the entries of the range as of now, including everything that was committed before the
  // request.
  virtual void find(EtcdRange range, Answer<EtcdFound> answer) = 0;
  // Returns the first entry of the range as of now.
  virtual void find_first(EtcdRange range, Answer<EtcdFound> answer) = 0;

  // A watch of a range. The watch ends when the object is destroyed.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  // Delivers the events in the range from revision `first` on, in order. If the watch ends, finally
  // delivers the reason: NetworkFailure if the connection was lost, OffsetOutOfRange if etcd has
  // already forgotten `first`.
  virtual std::unique_ptr<Watch> watch(EtcdRange range, EtcdRevision first,
                                       std::function<void(Result<EtcdEvents>)> tell) = 0;

  // Makes etcd forget the values that keys had before this revision, for all clients. Fails with
  // OffsetOutOfRange if they were forgotten already.
  virtual void compact(EtcdRevision revision, Answer<EtcdRevision> answer) = 0;

  virtual void grant_lease(int64_t ttl_ms, Answer<EtcdLease> answer) = 0;
  // Renews the lease. Fails with OffsetOutOfRange if the lease has ended.
  virtual void keep_alive(EtcdLease lease, Answer<EtcdLease> answer) = 0;
};

}  // namespace storage
