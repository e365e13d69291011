// The parts of the server that the REST proxy uses.
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

// The view's parts outlive the pages.
struct ProxyView {
  std::string cluster_id;
  // Opens a client of this server's Kafka side, on the loop with that index.
  std::function<std::unique_ptr<kafka::LocalClient>(size_t shard, MemoryAccount* memory)>
      open_client;
  std::function<std::string()> address;  // address of the listener: "127.0.0.1:8088"
  std::vector<Loop*> loops;
  const Clock& clock;
  MemoryBudget& memory;
  RegistryView registry;
};

}  // namespace server::http
