// Finds the query that keeps the rows of a table, and the reason why a table cannot be read.
#pragma once
#include <memory>
#include <optional>

#include "engine/catalog/catalog.h"
#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

struct MaterializedTable {
  std::shared_ptr<const engine::DataSource> table;
  std::shared_ptr<const DefinedQuery> query;  // the query that materializes the table
  const std::string& query_id() const { return query->plan->id; }
};

// Finds the query that materializes the table. Fails with ObjectState if no query does.
Result<MaterializedTable> find_kept_table(const MetadataImage& image,
                                          const std::shared_ptr<const engine::DataSource>& table);

// Returns whether the query still exists with the same plan as in `query`. If it was replaced or
// dropped, it makes no progress, and its readers would wait in vain.
bool is_current(const SqlParts& parts, const DefinedQuery& query);

struct NotKept {
  Error error;
  bool passes = false;  // the state ends by itself within a moment, and the table can then be read
};
// Returns the reason why some tasks of the query do not exist yet, or no longer exist.
NotKept not_kept(SqlParts& parts, const MaterializedTable& kept);

// Returns a warning if the table's query has failed: the table then shows its rows from before the
// failure.
std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts, const MaterializedTable& kept);

// Returns a warning if the query of a windowed table has dropped at least one percent of its
// records because they were late. If it has dropped fewer, only SHOW QUERIES shows the number. A
// session gets the warning once for each query. Returns nothing with `compat = ksqldb`, and on a
// node of a cluster that does not run the query.
std::optional<sql::Notice> warning_of_late_records(SqlSession& session,
                                                   const MaterializedTable& kept);

}  // namespace server
