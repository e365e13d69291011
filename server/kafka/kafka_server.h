// The Kafka front end: listeners whose connections have Kafka sessions.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "server/kafka/local_client.h"
#include "server/kafka/session.h"
#include "server/net/front_end.h"

namespace server::kafka {

struct KafkaListener {
  Address address;
  // The address that the server advertises to clients of this listener. If it is not set, the
  // server advertises the bound address or, if the bound address stands for all interfaces, the
  // address to which the client has connected.
  std::optional<Address> advertised = {};
};

struct KafkaServerOptions {
  std::vector<KafkaListener> listeners;  // at least one
  FrontEndOptions front_end;             // for each listener; the address in it is ignored
  NodeView node;                         // host and port in it are ignored
  SessionLimits limits = {};
  LocalClient::Relay relay =
      {};  // passes requests of local clients to other nodes; empty: a lone node
  const auth::Access* access = nullptr;  // null: clients may do everything; outlives the server
};

// Threads: those of FrontEnd; grown() may be called on any thread. stop() answers the requests
// whose records were appended, and then closes the connections.
class KafkaServer {
 public:
  struct Shard {
    Loop* loop;
    Backend* backend;
    RunAside run_aside = nullptr;  // null: everything is done on the loop
  };

  // Opens the listeners on the first shard's loop. Clients within the process get the address that
  // the first listener advertises. Fails with NetworkFailure.
  static Result<std::unique_ptr<KafkaServer>> open(const std::vector<Shard>& shards,
                                                   KafkaServerOptions options, MemoryBudget& memory,
                                                   const Clock& clock);
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  // Opens a client within the process, on the shard's loop. The server outlives the client.
  // Requests and answers are charged to `memory`.
  std::unique_ptr<LocalClient> open_local(size_t shard, MemoryAccount* memory);

  std::vector<Address> addresses() const;  // addresses of the listeners
  size_t connection_count() const;
  // Wakes long polls that wait for these partitions, which have new records or were deleted.
  void grown(std::span<const storage::TopicPartition> partitions);
  // Stops all listeners, as FrontEnd::stop() does, and then calls `on_stopped`.
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit KafkaServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::kafka
