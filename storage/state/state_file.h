// The tables of state.mdb, and what is read of them.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/state/state_keys.h"
#include "storage/state/state_store.h"

namespace storage {

struct StateTables {
  TableHandle stores;     // task, NUL, store -> store id u32
  TableHandle positions;  // task -> sequence i64, scalars
  TableHandle entries;    // see state_keys.h
  TableHandle owner;      // "log" -> the log's instance id
  TableHandle dropped;    // store id u32 -> nothing: its entries are being removed in slices
};

// Of the table `stores`.
std::string store_key(std::string_view task, std::string_view store);

// Invariant: no store, be it dropped or not, has the number next_store() or a higher one.
//
// Threads: load() and task_ids() any; the rest the state writer's.
// Owner:   the state writer.
class StateFile {
 public:
  // Fails with IncompatibleFormat when the file belongs to another log; a nil `log` is not checked.
  static Result<std::unique_ptr<StateFile>> open(std::unique_ptr<KeyValueStore> store,
                                                 const Uuid& log);

  const StateTables& tables() const { return tables_; }
  // One transaction, made durable.
  Status change(const std::function<Status(WriteTransaction&)>& change);
  std::chrono::steady_clock::duration last_change_took() const { return last_change_took_; }
  StoreId take_store_id() {
    const StoreId taken = next_store_;
    ++next_store_;
    return taken;
  }
  // As the file was when it was opened: those of the table.
  std::vector<StoreId> take_dropped() { return std::move(dropped_); }

  Result<CheckpointPosition> load(std::string_view task, const StateStore::Visit& visit) const;
  Result<std::vector<std::string>> task_ids() const;
  Uuid instance_id() const { return store_->instance_id(); }

 private:
  explicit StateFile(std::unique_ptr<KeyValueStore> store) : store_(std::move(store)) {}
  Status open_tables(const Uuid& log);

  const std::unique_ptr<KeyValueStore> store_;
  StateTables tables_;
  StoreId next_store_{1};
  std::vector<StoreId> dropped_;
  std::chrono::steady_clock::duration last_change_took_{};
};

}  // namespace storage
