// What the pages of the schema registry need of the server.
#pragma once
#include <cstddef>
#include <functional>

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
  // Runs what may take long, where it is in nobody's way; false when too much is waiting.
  std::function<bool(size_t bytes, std::function<void()> work)> run_aside;
};

}  // namespace server::http
