// The Kafka front end: listens, and carries bytes between sockets and sessions.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/kafka/session.h"
#include "server/net/address.h"
#include "server/net/loop.h"

namespace server::kafka {

struct KafkaServerOptions {
  Address address;
  // What clients are told to connect to. None: the address that is bound, and when that stands for
  // all interfaces, the one at which the client has reached us.
  std::optional<Address> advertised;
  NodeView node;  // but for host and port
  size_t max_connections = 10'000;
  SessionLimits limits = {};
};

// Connections are dealt out to the shards in turn, and stay there.
//
// Threads: open() and the destructor while no loop runs; address() and grown() from any thread. All
//          else happens on the shards' loops. Stopping is stopping the loops and destroying:
//          clients just see the end of the connection, and what is appended stays.
class KafkaServer {
 public:
  struct Shard {
    Loop* loop;
    Backend* backend;
  };

  // Listens on the first shard's loop. Fails with NetworkFailure.
  static Result<std::unique_ptr<KafkaServer>> open(const std::vector<Shard>& shards,
                                                   KafkaServerOptions options, const Clock& clock);
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  const Address& address() const;
  // These partitions have new records: long polls that wait for them are looked at.
  void grown(std::span<const storage::TopicPartition> partitions);

 private:
  struct Impl;
  explicit KafkaServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::kafka
