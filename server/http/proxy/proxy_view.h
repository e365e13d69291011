// What the REST proxy needs of the server.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/http/registry/registry_view.h"
#include "server/kafka/local_client.h"
#include "server/net/loop.h"

namespace server::http {

// All that it refers to outlives the pages.
struct ProxyView {
  std::string cluster_id;
  // A client of this server's Kafka side, on the loop of that index.
  std::function<std::unique_ptr<kafka::LocalClient>(size_t shard, MemoryAccount* memory)>
      open_client;
  std::function<std::string()> address;  // of the listener: "127.0.0.1:8088"
  std::vector<Loop*> loops;
  const Clock& clock;
  MemoryBudget& memory;
  RegistryView registry;
};

}  // namespace server::http
