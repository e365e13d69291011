#include "server/tasks/renewed_tables.h"

#include <cassert>
#include <functional>
#include <future>
#include <memory>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace server {

namespace {

// Key "renewed/QUERY" in the table "cluster"; value: revision i64.
constexpr std::string_view kRenewedTable = "cluster", kRenewedPrefix = "renewed/";

std::string key_of(const std::string& query_id) { return std::string(kRenewedPrefix) + query_id; }

Status submit_and_wait(storage::Log& log, std::function<Status(storage::WriteTransaction&)> apply) {
  std::promise<Status> done;
  log.submit(std::move(apply), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

Status read_all(storage::WriteTransaction& transaction, std::map<std::string, Revision>& read) {
  read.clear();
  const auto table = TRY(transaction.find_table(kRenewedTable, storage::KeyOrder::Bytes));
  if (!table) return {};
  const auto cursor = TRY(transaction.cursor(*table));
  for (auto entry = TRY(cursor->seek(kRenewedPrefix));
       entry && entry->key.starts_with(kRenewedPrefix); entry = TRY(cursor->next())) {
    ByteReader in(entry->value);
    const Revision revision{in.be<int64_t>()};
    if (!in.ok() || !in.at_end())
      return storage::damaged_data("the election after which a table was rebuilt cannot be read");
    read.emplace(entry->key.substr(kRenewedPrefix.size()), revision);
  }
  return {};
}

}  // namespace

Result<RenewedTables> RenewedTables::read(storage::Log& log) {
  // A shared pointer, because the log may run the function more than once, and all runs must fill the same map.
  const auto read = std::make_shared<std::map<std::string, Revision>>();
  TRY(submit_and_wait(log, [read](storage::WriteTransaction& transaction) {
    return read_all(transaction, *read);
  }));
  RenewedTables tables(log);
  tables.after_ = *read;
  return tables;
}

Revision RenewedTables::renewed_after(const std::string& query_id) const {
  const auto found = after_.find(query_id);
  return found == after_.end() ? Revision{0} : found->second;
}

Status RenewedTables::note(const std::string& query_id, Revision election) {
  assert(election > renewed_after(query_id));
  std::string value;
  append_be(value, election.value());
  const auto put = [key = key_of(query_id),
                    value = std::move(value)](storage::WriteTransaction& transaction) -> Status {
    return transaction.put(TRY(transaction.open_table(kRenewedTable, storage::KeyOrder::Bytes)),
                           key, value);
  };
  TRY(submit_and_wait(*log_, put));
  after_[query_id] = election;
  return {};
}

}  // namespace server
