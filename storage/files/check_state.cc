#include <fmt/format.h>

#include <map>
#include <set>

#include "storage/files/check_parts.h"
#include "storage/files/stored_tasks.h"
#include "storage/state/state_keys.h"

namespace storage {

namespace {

struct StoreOfTask {
  std::string name;  // name of the store in reports
  StoreRow row;
  StoreContent found = {};
  size_t damaged = 0;  // number of damaged entries
};

class StateChecker {
 public:
  StateChecker(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts)
      : state_(*data.state), data_(data), options_(options), counts_(counts) {}

  Status run() {
    TRY(check_format(state_,
                     {.name = kStateFile,
                      .kind = "state",
                      .oldest_version = kOldestStateFormatVersion,
                      .newest_version = kCheckedPositionsVersion},
                     options_));
    TRY(check_owner());
    TRY(read_stores());
    return check_entries();
  }

 private:
  void found(const std::string& place, std::string problem) {
    options_.found({fmt::format("{}, {}", kStateFile, place), std::move(problem)});
  }

  template <class Visit>
  Status visit(std::string_view table, const Visit& visit) {
    options_.begins(fmt::format("{}, table {}", kStateFile, table));
    return state_.visit(table, visit);
  }

  Status check_owner() {
    const LmdbSnapshot::Table* owner = state_.find("owner");
    const LmdbSnapshot::Table* format = data_.log->find("format");
    if (owner == nullptr || format == nullptr) return {};
    const auto known = TRY(state_.transaction().get(owner->handle, "log"));
    const auto log = TRY(data_.log->transaction().get(format->handle, "instance"));
    if (known && log && *known != *log) found("table owner", "it belongs to another log.mdb");
    return {};
  }

  Status read_stores() {
    std::set<std::string> tasks;
    if (const auto stored = stored_tasks(*data_.log))
      for (const StoredTask& task : *stored) tasks.insert(task.id);
    TRY(visit("stores", [&](const Entry& entry) -> Status {
      ++counts_.stores;
      const size_t task_end = entry.key.find('\0');
      const auto row = decode_store_row(entry.value);
      if (task_end == std::string_view::npos || !row) {
        found("table stores", "a row is damaged");
        return {};
      }
      const std::string task(entry.key.substr(0, task_end));
      const std::string name =
          fmt::format("store {} of task {}", entry.key.substr(task_end + 1), task);
      if (!tasks.contains(task)) found(name, "log.mdb does not know the task");
      if (!stores_.try_emplace(row->id, StoreOfTask{name, *row}).second)
        found(name, "another store has its number");
      return {};
    }));
    const PositionFormat format = TRY(position_format(state_));
    TRY(visit("positions", [&](const Entry& entry) -> Status {
      const std::string name = fmt::format("the position of task {}", entry.key);
      if (!tasks.contains(std::string(entry.key))) found(name, "log.mdb does not know the task");
      check_position(name, decode_position(entry, format));
      return {};
    }));
    return visit("dropped", [&](const Entry& entry) -> Status {
      if (entry.key.size() == sizeof(uint32_t))
        dropped_.insert(store_of(entry.key));
      else
        found("table dropped", "a row is damaged");
      return {};
    });
  }

  // Checks a task's position in state.mdb, and the scalars of its checkpoint. The scalars are encoded like a
  // journal entry; without them the query does not start.
  void check_position(const std::string& name, const Result<PositionRow>& row) {
    if (!row) return found(name, row.error().message);
    if (row->scalars.empty()) return;
    if (const Status read = options_.read_journal(row->scalars); !read)
      found(name, read.error().message);
  }

  Status check_entries() {
    size_t strange = 0;
    const Status visited = visit("entries", [&](const Entry& entry) -> Status {
      ++counts_.state_entries;
      const bool has_store = entry.key.size() >= sizeof(uint32_t);
      if (has_store && dropped_.contains(store_of(entry.key))) return {};
      const auto store = has_store ? stores_.find(store_of(entry.key)) : stores_.end();
      if (store == stores_.end()) {
        ++strange;
        return {};
      }
      store->second.found.add(entry.key, entry.value);
      if (!original_entry(store->second.row.format, entry)) ++store->second.damaged;
      return {};
    });
    if (!visited) {
      check_stores_one_by_one();
      return visited;
    }
    if (strange > 0) found("table entries", fmt::format("{} entries belong to no store", strange));
    for (const auto& [id, store] : stores_) {
      if (store.damaged > 0)
        found(store.name, fmt::format("{} entries are damaged", store.damaged));
      else
        check_content(store);
    }
    return {};
  }

  void check_content(const StoreOfTask& store) {
    if (store.row.format == StoreFormat::Checked && store.found != store.row.content)
      found(store.name, fmt::format("it holds {} entries instead of {}, or other entries",
                                    store.found.count, store.row.content.count));
  }

  // Checks the stores one after the other. Called after an unreadable page has ended the check of the whole table: only
  // the stores that the page affects are then reported as damaged, and the entries of the other stores are read.
  void check_stores_one_by_one() {
    const LmdbSnapshot::Table* const entries = state_.find("entries");
    for (auto& [id, store] : stores_) {
      store.found = {};
      if (const Status read = check_store(entries->handle, id, store); !read)
        found(store.name, fmt::format("{} of {} entries can be read: {}", store.found.count,
                                      store.row.content.count, read.error().message));
      else
        check_content(store);
    }
  }
  Status check_store(TableHandle entries, StoreId id, StoreOfTask& store) {
    const auto cursor = TRY(state_.transaction().cursor(entries));
    const std::string prefix = store_prefix(id);
    auto entry = TRY(cursor->seek(prefix));
    for (; entry && entry->key.starts_with(prefix); entry = TRY(cursor->next())) {
      TRY(cursor->check_page());
      store.found.add(entry->key, entry->value);
    }
    return {};
  }

  LmdbSnapshot& state_;
  DataSnapshot& data_;
  const CheckOptions& options_;
  CheckCounts& counts_;
  std::map<StoreId, StoreOfTask> stores_;
  std::set<StoreId> dropped_;
};

}  // namespace

Status check_state(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts) {
  return StateChecker(data, options, counts).run();
}

}  // namespace storage
