// Statements that change the catalog without planning a query: DROP, ALTER, types, and what is
// done to running queries. Pure: each answers with the next catalog and what has to follow.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

struct CatalogChange {
  CatalogPtr catalog;                           // the same as before when nothing is to be done
  std::vector<std::string> ended_queries = {};  // ids: they are not in the new catalog
  std::optional<std::string> dropped_topic = {};
  std::vector<std::string> notices = {};
};

// Ends the query that made the source too; fails with DependentObjects while others use it. A topic that the source owns goes
// with it, unless it is also that of another one that is not among those which go, too.
Result<CatalogChange> plan_drop_source(const DropSource& drop, const CatalogPtr& catalog,
                                       const std::set<std::string>& dropped_with_it = {});
// "column ... already exists": an error, or with IF NOT EXISTS the beginning of a notice.
std::string column_exists(const TableElement& element, const DataSource& table);
// Fails with NotSupported where one of the columns is a SERIAL one.
Status check_no_serial(const std::vector<TableElement>& added, const CustomTypes& types);
Result<CatalogChange> plan_alter_source(const AlterSource& alter, const CatalogPtr& catalog);
Result<CatalogChange> plan_create_type(const CreateType& create, const CatalogPtr& catalog);
Result<CatalogChange> plan_drop_type(const DropType& drop, const CatalogPtr& catalog);
// TERMINATE, PAUSE, RESUME: of one query or of all.
Result<CatalogChange> plan_control_query(const ControlQuery& control, const CatalogPtr& catalog);

// The catalog with one more source or query, or another one in the place of what had its name.
CatalogPtr with_source(const Catalog& catalog, std::shared_ptr<const DataSource> source);
CatalogPtr with_query(const Catalog& catalog, std::shared_ptr<const PersistentQuery> query);

}  // namespace engine
