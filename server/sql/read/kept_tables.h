// Tables whose rows a query keeps: who that is, and what is said when they cannot be read.
#pragma once
#include <memory>
#include <optional>

#include "engine/catalog/catalog.h"
#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

struct KeptTable {
  std::shared_ptr<const engine::DataSource> table;
  std::shared_ptr<const DefinedQuery> query;  // that keeps its rows
  const std::string& query_id() const { return query->plan->id; }
};

// Fails with ObjectState when no query keeps the table's rows.
Result<KeptTable> find_kept_table(const MetadataImage& image,
                                  const std::shared_ptr<const engine::DataSource>& table);

// Whether the query still runs by this plan: one that was replaced or dropped makes no progress for its readers.
bool is_current(const SqlParts& parts, const DefinedQuery& query);

// Why not all of its tasks are there, or not any more.
struct NotKept {
  Error error;
  bool passes = false;  // in a moment, without anybody's doing
};
NotKept not_kept(SqlParts& parts, const KeptTable& kept);

// That its query has failed: its rows are those from before.
std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts, const KeptTable& kept);

}  // namespace server
