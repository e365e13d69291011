// Reads from checkpoints, for those stores of a shard's tasks that are not completely in memory.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/state/backing.h"
#include "server/net/loop.h"
#include "storage/state/state_reader.h"
#include "storage/state/state_store.h"

namespace server {

// All reads in one loop iteration use one snapshot of the state file. Between iterations no
// snapshot is open, because an old snapshot prevents the file from reusing freed pages.
//
// Threads: one loop. Owner: the shard; the state store outlives it.
class StateSnapshots {
 public:
  // `on_begin` is called when a snapshot is opened.
  StateSnapshots(storage::StateStore& state, Loop& loop, std::function<void()> on_begin)
      : reader_(state.open_reader()), loop_(loop), on_begin_(std::move(on_begin)) {}
  ~StateSnapshots() { *alive_ = false; }

  // Returns the reader of this loop iteration's snapshot. The first call in an iteration opens the
  // snapshot.
  Result<storage::StateReader*> begin();
  // Closes the snapshot of this loop iteration. Called when a checkpoint has been written, so that
  // later reads see it.
  void end();

 private:
  const std::unique_ptr<storage::StateReader> reader_;
  Loop& loop_;
  const std::function<void()> on_begin_;
  bool is_begun_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Reads one store of a task from its checkpoint.
class StateBacking final : public engine::Backing {
 public:
  StateBacking(StateSnapshots& turns, std::string task, uint32_t store)
      : turns_(turns), task_(std::move(task)), store_(store) {}

  Result<std::optional<std::string_view>> get(std::string_view key) override;
  Result<bool> scan(std::string& place, const Visit& visit) override;
  Result<std::string> place_of(std::string_view key) override;

 private:
  // Returns the reader; null if the state file does not have the store yet.
  Result<storage::StateReader*> find();

  StateSnapshots& turns_;
  const std::string task_;
  const uint32_t store_;
  std::optional<storage::StoreRow> row_;
};

}  // namespace server
