// The state file, state.mdb: its tables, and functions that read them.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/state/position_row.h"
#include "storage/state/state_keys.h"
#include "storage/state/state_reader.h"
#include "storage/state/state_store.h"

namespace storage {

struct StateTables {
  TableHandle stores;     // task, NUL, store -> StoreRow
  TableHandle positions;  // task -> PositionRow
  TableHandle journals;   // journal partition i32 -> end offset i64 of its checkpoints
  TableHandle entries;    // keys and values: state_keys.h
  TableHandle owner;      // "log" -> the log's instance id
  TableHandle dropped;  // store id u32 -> nothing: the store's entries are being removed in slices
};

// Returns the key of a store in the table `stores`.
std::string store_key(std::string_view task, std::string_view store);

// If the outcome of a commit is unknown, StateFile closes the file and opens it again, which shows
// whether the commit is stored. Both outcomes are correct, because the journal can be replayed from
// either state.
//
// Invariant: every store in the file, dropped or not, has a lower id than the next store that is
// created.
//
// Threads: load() and the other reads any; the other methods the state writer's. Owner: the state
// writer.
class StateFile {
 public:
  // Opens the file. Fails with IncompatibleFormat if the file belongs to another log. If `log` is
  // nil, this is not checked.
  static Result<std::unique_ptr<StateFile>> open(StateStore::OpenStore open_store, const Uuid& log);

  const StateTables& tables() const { return tables_; }
  // Runs one transaction and makes it durable.
  Status change(const std::function<Status(WriteTransaction&)>& change);
  std::chrono::steady_clock::duration last_change_took() const { return last_change_took_; }
  StoreId take_store_id() {
    const StoreId taken = next_store_;
    ++next_store_;
    return taken;
  }
  // Returns the stores that the table `dropped` had when the file was opened. Only the first call
  // returns them; later calls return nothing.
  std::optional<std::vector<StoreId>> take_dropped() {
    return std::exchange(dropped_, std::nullopt);
  }

  Result<CheckpointPosition> load(std::string_view task, const StateStore::WantsStore& wants,
                                  const StateStore::Visit& visit) const;
  Result<CheckpointPosition> position_of(std::string_view task) const;
  // A StateReader holds this object between begin_turn() and end_turn(): a read transaction, and a lock, because the
  // file must not be closed and opened again meanwhile.
  struct Turn {
    std::shared_lock<std::shared_mutex> lock;
    std::unique_ptr<ReadTransaction> transaction;  // destroyed before the lock
  };
  Result<Turn> begin_turn() const;
  std::unique_ptr<StateReader> open_reader() const;
  Result<StateStore::JournalEnds> journal_ends() const;
  Result<std::vector<std::string>> task_ids() const;
  Uuid instance_id() const { return instance_id_; }
  PositionFormat position_format() const { return position_format_; }
  // Returns whether all entries of the file have the format StoreFormat::Checked.
  bool is_all_checked() const { return is_all_checked_; }

 private:
  StateFile(StateStore::OpenStore open_store, const Uuid& log)
      : open_store_(std::move(open_store)), log_(log) {}
  Status open_store();
  Status open_tables(KeyValueStore& store);
  Status read_position_format(WriteTransaction& transaction);
  Result<std::unique_ptr<ReadTransaction>> begin_read() const;
  Result<CheckpointPosition> position_of(Transaction& transaction, std::string_view task) const;

  const StateStore::OpenStore open_store_;
  const Uuid log_;
  Uuid instance_id_;

  // Guarded by store_mutex_. Only the state writer's thread changes these members, so that thread
  // reads them without the lock.
  mutable std::shared_mutex store_mutex_;
  std::unique_ptr<KeyValueStore> store_;  // null while the file cannot be opened again
  StateTables tables_;
  PositionFormat position_format_ = PositionFormat::Plain;

  // For the state writer only.
  bool is_broken_ = false;   // the outcome of a commit is unknown
  bool was_broken_ = false;  // the file was broken, and no commit has succeeded since
  StoreId next_store_{1};
  bool is_all_checked_ = false;
  std::optional<std::vector<StoreId>> dropped_;
  std::chrono::steady_clock::duration last_change_took_{};
};

}  // namespace storage
