// Statements that change the catalog without planning a query: DROP, ALTER, types, and control of running queries.
// The functions are pure: each returns the next catalog and the required actions.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

struct CatalogChange {
  CatalogPtr catalog;                           // unchanged if the statement has no effect
  std::vector<std::string> ended_queries = {};  // ids of queries that are not in the new catalog
  std::optional<std::string> dropped_topic = {};
  std::vector<std::string> notices = {};
};

// Drops a source. If a query was created together with the source (CREATE ... AS), ends this query.
// Fails with DependentObjects if other queries use the source. If the source owns its topic, the
// topic is deleted, too, unless another source over the same topic remains. (Sources in
// `dropped_with_it` do not remain.)
Result<CatalogChange> plan_drop_source(const DropSource& drop, const CatalogPtr& catalog,
                                       const std::set<std::string>& dropped_with_it = {});
// Returns the text "column ... already exists". It is an error or, with IF NOT EXISTS, the
// beginning of a notice.
std::string column_exists(const TableElement& element, const DataSource& table);
// Fails with NotSupported if one of the columns is SERIAL.
Status check_no_serial(const std::vector<TableElement>& added, const CustomTypes& types);
Result<CatalogChange> plan_alter_source(const AlterSource& alter, const CatalogPtr& catalog);
Result<CatalogChange> plan_create_type(const CreateType& create, const CatalogPtr& catalog);
// Fails with DependentObjects if a column or another type uses the type and the type is an
// enumeration or a composite type.
Result<CatalogChange> plan_drop_type(const DropType& drop, const CatalogPtr& catalog);
// Executes TERMINATE, PAUSE or RESUME of one query or of all queries.
Result<CatalogChange> plan_control_query(const ControlQuery& control, const CatalogPtr& catalog);

// Return the catalog with the source or query added. It replaces an existing one with the same
// name.
CatalogPtr with_source(const Catalog& catalog, std::shared_ptr<const DataSource> source);
CatalogPtr with_query(const Catalog& catalog, std::shared_ptr<const PersistentQuery> query);

}  // namespace engine
