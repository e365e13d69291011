// SHOW, DESCRIBE and EXPLAIN: rows about streams, tables, topics, queries and functions.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "engine/types/batch.h"
#include "engine/types/schema.h"
#include "server/node/world.h"

namespace server {

struct InformationRows {
  engine::Schema schema;  // names in lower case, as PostgreSQL users read them
  std::vector<engine::ColumnPtr> columns;
  size_t rows = 0;
};

struct InformationContext {
  const World& world;
  const QueryStatuses& statuses;  // filled when needs_statuses() says so
  const engine::EngineSettings& settings;
  const engine::Properties& properties;  // of the session
  const std::map<std::string, std::string>& variables;
};

// Whether a statement is answered here.
bool is_information_statement(const engine::Statement& statement);
// Whether its answer tells what queries are doing, which takes asking all shards.
bool needs_statuses(const engine::Statement& statement);
// The columns of the answer, without the answer.
engine::Schema information_schema(const engine::Statement& statement);
// Fails with UndefinedSource, UndefinedObject, NotSupported.
Result<InformationRows> answer_information(const engine::Statement& statement,
                                           const InformationContext& context);

}  // namespace server
