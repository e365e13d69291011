// What the pages of the schema registry need of the server.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "engine/registry/registry.h"

namespace server::http {

// Functions may be called on any thread.
struct RegistryView {
  using Change =
      std::function<engine::RegistryResult<engine::RegistryChanges>(const engine::SchemaRegistry&)>;
  using ChangeDone = std::function<void(engine::RegistryResult<void>)>;

  // As of now.
  std::function<engine::SchemaRegistry()> registry;
  // Makes what `change` answers durable; it is asked on the thread that keeps the metadata, and again when somebody else
  // was faster. `done` comes later, or at once.
  std::function<void(Change change, ChangeDone done)> change;
  using RunAside = std::function<bool(size_t bytes, std::function<void()> work)>;
  // Runs lists and look-ups, which take some milliseconds; false when too much is waiting.
  RunAside run_aside;
  // Examines schemas, some seconds each at most: on threads that do nothing else.
  RunAside examine_aside;
  // The URL of the registry that keeps the schemas where this one does not; empty: it does.
  std::string elsewhere = {};
};

}  // namespace server::http
