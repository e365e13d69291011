// Tables whose rows a query keeps: finds the query, and explains why a table cannot be read.
#pragma once
#include <memory>
#include <optional>

#include "engine/catalog/catalog.h"
#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

struct MaterializedTable {
  std::shared_ptr<const engine::DataSource> table;
  std::shared_ptr<const DefinedQuery> query;  // the query that keeps its rows
  const std::string& query_id() const { return query->plan->id; }
};

// Fails with ObjectState if no query keeps the table's rows.
Result<MaterializedTable> find_kept_table(const MetadataImage& image,
                                  const std::shared_ptr<const engine::DataSource>& table);

// Whether the query still runs by this plan. A query that was replaced or dropped makes no progress
// for its readers.
bool is_current(const SqlParts& parts, const DefinedQuery& query);

// The reason why some tasks of the query do not exist, or no longer exist.
struct NotKept {
  Error error;
  bool passes = false;  // the cause will pass by itself in a moment
};
NotKept not_kept(SqlParts& parts, const MaterializedTable& kept);

// A warning if the table's query has failed: the table shows its rows from before the failure.
std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts, const MaterializedTable& kept);

}  // namespace server
