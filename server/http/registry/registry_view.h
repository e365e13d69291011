// The parts of the server that the pages of the schema registry use.
#pragma once
#include <cstddef>
#include <functional>
#include <string>

#include "engine/registry/registry.h"

namespace server::http {

// The functions may be called on any thread.
struct RegistryView {
  using Change =
      std::function<engine::RegistryResult<engine::RegistryChanges>(const engine::SchemaRegistry&)>;
  using ChangeDone = std::function<void(engine::RegistryResult<void>)>;

  // Returns a copy of the registry as it is at the moment of the call.
  std::function<engine::SchemaRegistry()> registry;
  // Makes the result of `change` durable. `change` runs on the metadata thread. If another command
  // is appended to the log after `change` has run and before its result is appended, `change` runs
  // again. `done` is called within the call or later.
  std::function<void(Change change, ChangeDone done)> change;
  using RunAside = std::function<bool(size_t bytes, std::function<void()> work)>;
  // Runs reads of lists and schemas, which take some milliseconds. Returns false if the queue is
  // full.
  RunAside run_aside;
  // Runs checks of schemas, which take up to some seconds each, on threads that do no other work.
  RunAside examine_aside;
  // The URL of the external registry that keeps the schemas; empty: this server keeps them.
  std::string elsewhere = {};
};

}  // namespace server::http
