// Presents pg_catalog, information_schema and millrace_catalog as tables for SELECTs.
#pragma once
#include "engine/query/system_rows.h"
#include "engine/system_tables/information.h"

namespace engine {

// Returns the names and columns of the tables.
//
// Threads: any; immutable.
const SystemTables& system_tables();

// Each function returns whether the rows of a table need a member of an InformationContext.
bool needs_statuses(const SystemTable& table);
bool needs_server_facts(const SystemTable& table);
bool needs_consumer_groups(const SystemTable& table);

// Produces the rows of the tables. The context must outlive the object.
class CatalogRows final : public SystemRows {
 public:
  CatalogRows(const InformationContext& context, std::string database, std::string user)
      : context_(context), database_(std::move(database)), user_(std::move(user)) {}
  Result<RowsChunks> rows(const SystemTable& table, RowsContext& context) const override;

 private:
  const InformationContext& context_;
  const std::string database_, user_;
};

}  // namespace engine
