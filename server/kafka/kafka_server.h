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
  // What clients are told to connect to who have come here. None: the address that is bound, and when that stands
  // for all interfaces, the one at which the client has reached us.
  std::optional<Address> advertised = {};
};

struct KafkaServerOptions {
  std::vector<KafkaListener> listeners;  // one at least
  FrontEndOptions front_end;             // of each, but for the address
  NodeView node;                         // but for host and port
  SessionLimits limits = {};
  const auth::Access* access = nullptr;  // null: everybody may do everything; outlives the server
};

// Threads: as FrontEnd; grown() from any. A stop answers what has been appended, then closes.
class KafkaServer {
 public:
  struct Shard {
    Loop* loop;
    Backend* backend;
    RunAside run_aside = nullptr;  // null: everything is done on the loop
  };

  // Listens on the first shard's loop. Clients within the process see what the first listener's are told. Fails with NetworkFailure.
  static Result<std::unique_ptr<KafkaServer>> open(const std::vector<Shard>& shards,
                                                   KafkaServerOptions options, MemoryBudget& memory,
                                                   const Clock& clock);
  ~KafkaServer();
  KafkaServer(const KafkaServer&) = delete;
  KafkaServer& operator=(const KafkaServer&) = delete;

  // A client within the process, on the shard's loop; the server outlives it. `memory`: whom its requests and answers are
  // charged to.
  std::unique_ptr<LocalClient> open_local(size_t shard, MemoryAccount* memory);

  std::vector<Address> addresses() const;  // of the listeners
  size_t connection_count() const;
  // These partitions have new records, or are gone: long polls that wait for them are looked at.
  void grown(std::span<const storage::TopicPartition> partitions);
  // As FrontEnd::stop().
  void stop(Task on_stopped);

 private:
  struct Impl;
  explicit KafkaServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace server::kafka
