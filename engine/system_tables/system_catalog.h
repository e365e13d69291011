// Presents pg_catalog, information_schema and millrace_catalog as tables for SELECTs.
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "engine/query/system_rows.h"
#include "engine/system_tables/information.h"

namespace engine {

class CatalogObjects;

// Returns the names and columns of the tables.
//
// Threads: any; immutable.
const SystemTables& system_tables();

// Returns the columns that identify a row of a table that clients can follow with EMIT CHANGES; empty for other tables.
std::span<const std::string_view> followed_key(const SystemTable& table);

// Each function returns whether the rows of a table need a certain member of an InformationContext.
bool needs_statuses(const SystemTable& table);
bool needs_server_facts(const SystemTable& table);
bool needs_consumer_groups(const SystemTable& table);
bool needs_connectors(const SystemTable& table);

// Produces the rows of the tables. The context must outlive the object.
//
// Threads: one at a time. Owner: the run of a SELECT.
class CatalogRows final : public SystemRows {
 public:
  // `temporary_schema` is the first part of the names of the session's temporary tables, or empty.
  CatalogRows(const InformationContext& context, std::string database, std::string user,
              std::string temporary_schema = {});
  ~CatalogRows() override;
  Result<RowsChunks> rows(const SystemTable& table, const SystemRead& read,
                          RowsContext& context) const override;

 private:
  const InformationContext& context_;
  const std::string database_, user_, temporary_schema_;
  // Created when the first table needs it, and kept, because a SELECT may read several tables of
  // the catalog.
  mutable std::unique_ptr<const CatalogObjects> objects_;
};

}  // namespace engine
