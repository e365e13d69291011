// What is asked of etcd (version 3 of its API), as a port: a server reaches one over its gateway, a
// simulation has one of its own.
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

// etcd's own revisions count all changes of all keys; they are not those of the metadata log.
using EtcdRevision = StrongNumber<struct EtcdRevisionTag, int64_t>;
using EtcdLease = StrongNumber<struct EtcdLeaseTag, int64_t>;  // 0: none

struct EtcdEntry {
  std::string key, value;
  EtcdRevision created, modified;
  EtcdLease lease = {};  // with which it goes
};

struct EtcdRange {
  std::string first, end;  // first <= key < end
  static EtcdRange only(const std::string& key) { return {key, key + '\0'}; }
};

// All or nothing: the puts and then the removals are done if all of `conditions` and `unchanged` hold.
struct EtcdTransaction {
  struct Created {
    std::string key;
    EtcdRevision revision;  // in which it was made; 0: it is not there
  };
  struct Put {
    std::string key, value;
    EtcdLease lease = {};  // the key goes with it
  };
  struct Modified {
    std::string key;
    EtcdRevision revision;  // in which it was changed last; 0: it is not there
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
  EtcdRevision revision;           // as of which
};

// What has happened in a range; a removed key has no `entry`.
struct EtcdEvent {
  std::string key;
  std::optional<EtcdEntry> entry;
};
struct EtcdEvents {
  std::vector<EtcdEvent> events;
  EtcdRevision revision;  // nothing up to here is missing
};

// Each answer comes once, on the caller's loop, never within the call. NetworkFailure: what became of a
// transaction or a grant is not known; it may still happen. A client that is destroyed answers nobody.
//
// Threads: one loop.
class EtcdClient {
 public:
  virtual ~EtcdClient() = default;
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  virtual void commit(EtcdTransaction transaction, Answer<EtcdOutcome> answer) = 0;
  // As of now: what was committed before it was asked is in it.
  virtual void find(EtcdRange range, Answer<EtcdFound> answer) = 0;
  // Likewise; the first key of the range alone.
  virtual void find_first(EtcdRange range, Answer<EtcdFound> answer) = 0;

  // A watch lives as long as this.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  // Tells what happens in the range from `first` on, in order; then, once, why it ends: the connection was
  // lost (NetworkFailure), or `first` is too old (OffsetOutOfRange).
  virtual std::unique_ptr<Watch> watch(EtcdRange range, EtcdRevision first,
                                       std::function<void(Result<EtcdEvents>)> tell) = 0;

  // Forgets how things were before that revision, for everybody. OffsetOutOfRange: that was forgotten already.
  virtual void compact(EtcdRevision revision, Answer<EtcdRevision> answer) = 0;

  virtual void grant_lease(int64_t ttl_ms, Answer<EtcdLease> answer) = 0;
  // OffsetOutOfRange: there is no such lease any more.
  virtual void keep_alive(EtcdLease lease, Answer<EtcdLease> answer) = 0;
};

}  // namespace storage
