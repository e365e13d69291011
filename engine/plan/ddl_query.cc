#include <fmt/format.h>

#include "base/suggest.h"
#include "engine/catalog/visible_names.h"
#include "engine/plan/ddl.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

void apply(QueryAction action, const std::string& id, Catalog& next, CatalogChange& change) {
  if (action == QueryAction::Terminate) {
    next.erase_query(id);
    change.ended_queries.push_back(id);
    return;
  }
  PersistentQuery query = *next.find_query(id);
  query.state = action == QueryAction::Pause ? DesiredState::Paused : DesiredState::Running;
  next.put(std::make_shared<const PersistentQuery>(std::move(query)));
}

// Returns the hint for an unknown id of a query. Newcomers often write the name of the stream or table that the query
// writes.
std::string hint_for_query(const ControlQuery& control, const Catalog& catalog) {
  const std::string& name = control.query_id->text;
  const std::string_view verb = control.action == QueryAction::Terminate ? "TERMINATE"
                                : control.action == QueryAction::Pause   ? "PAUSE"
                                                                         : "RESUME";
  const std::vector<std::string> ids = visible_queries(catalog);
  for (const std::string& id : ids)
    if (catalog.find_query(id)->sink == name)
      return fmt::format("{} is written by the query {}: {} {}.", name, id, verb, id);
  return did_you_mean(name, ids, "SHOW QUERIES lists the ids of the queries.");
}

}  // namespace

Result<CatalogChange> plan_control_query(const ControlQuery& control, const CatalogPtr& catalog) {
  std::vector<std::string> ids;
  // TERMINATE of a materialized view's query is refused, because the view cannot exist without the
  // query. Only DROP ends the query.
  const bool ends = control.action == QueryAction::Terminate;
  if (!control.query_id)
    for (const auto& [id, query] : catalog->queries()) {
      if (!ends || query->kind != QueryKind::View) ids.push_back(id);
    }
  else if (catalog->find_query(control.query_id->text))
    ids.push_back(control.query_id->text);
  else
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("Unknown queryId: {}", control.query_id->text)}
        .at(control.position)
        .with_hint(hint_for_query(control, *catalog));
  const PersistentQuery* asked =
      control.query_id ? catalog->find_query(control.query_id->text) : nullptr;
  if (asked && ends && asked->kind == QueryKind::View)
    return Error{ErrorCode::DependentObjects,
                 fmt::format("query {} keeps the materialized view \"{}\"", asked->id,
                             display_name(asked->sink))}
        .at(control.position)
        .with_hint("DROP MATERIALIZED VIEW ends it; PAUSE stops it for a while.");
  if (asked && ends)
    if (const PersistentQuery* rebuild = catalog->rebuild_of(control.query_id->text))
      return Error{ErrorCode::DependentObjects, fmt::format("query {} is being rebuilt by {}",
                                                            control.query_id->text, rebuild->id)}
          .at(control.position)
          .with_hint(fmt::format("TERMINATE {} first.", rebuild->id));
  CatalogChange change;
  Catalog next = *catalog;
  for (const std::string& id : ids) apply(control.action, id, next, change);
  change.catalog = std::make_shared<const Catalog>(std::move(next));
  return change;
}

}  // namespace engine
