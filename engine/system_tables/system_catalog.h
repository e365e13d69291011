// pg_catalog, information_schema and millrace_catalog as tables of SELECTs.
#pragma once
#include "engine/query/system_rows.h"
#include "engine/system_tables/information.h"

namespace engine {

// Their names and columns. Threads: any, it never changes.
const SystemTables& system_tables();

// What of an InformationContext has to be filled for their rows.
bool needs_statuses(const SystemTable& table);
bool needs_server_facts(const SystemTable& table);
bool needs_consumer_groups(const SystemTable& table);

// Their rows. The context outlives it.
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
