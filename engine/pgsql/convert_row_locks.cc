// Finds the tables that FOR UPDATE, FOR SHARE and similar clauses lock.
#include <fmt/format.h>

#include <algorithm>

#include "engine/pgsql/convert.h"

namespace engine::pgsql {

namespace {

std::string_view words_of(std::string_view strength) {
  if (strength == "LCS_FORKEYSHARE") return "FOR KEY SHARE";
  if (strength == "LCS_FORSHARE") return "FOR SHARE";
  return strength == "LCS_FORNOKEYUPDATE" ? "FOR NO KEY UPDATE" : "FOR UPDATE";
}

// Returns the name of a clause after which the result has no rows of tables that could be locked;
// empty if the query has no such clause.
std::string_view not_rows_of_tables(const Query& query) {
  if (query.combined) return "UNION/INTERSECT/EXCEPT";
  if (query.distinct || !query.distinct_on.empty()) return "DISTINCT clause";
  if (!query.group_by.empty() || !query.grouping_sets.empty()) return "GROUP BY clause";
  return query.having ? "HAVING clause" : std::string_view();
}

}  // namespace

// Adds the tables of a source, including those of sub-queries, whose rows are locked with those of
// the enclosing query.
Status Converter::add_lockable(const Node& source, std::vector<LockableSource>& all) const {
  if (source.kind == "RangeVar") {
    const auto alias = source.fields.part("alias");
    all.push_back({std::string(alias ? alias->text("aliasname") : source.fields.text("relname")),
                   TRY(existing_relation(source.fields))});
  }
  for (const std::string_view name : {"larg", "rarg", "relation"})  // a TABLESAMPLE has `relation`
    if (const auto part = child(source.fields, name)) TRY(add_lockable(*part, all));
  const auto within =
      source.kind == "RangeSubselect" ? child(source.fields, "subquery") : std::nullopt;
  if (!within) return {};
  const auto alias = source.fields.part("alias");
  const size_t before = all.size();
  for (const Node& each : pgsql::children(within->fields, "fromClause"))
    TRY(add_lockable(each, all));
  for (size_t i = before; i < all.size() && alias; ++i)
    all[i].visible_name = alias->text("aliasname");
  return {};
}

Status Converter::note_row_locks(const Fields& select, const Query& query) const {
  for (const Node& clause : pgsql::children(select, "lockingClause")) {
    const std::string_view words = words_of(clause.fields.text("strength"));
    if (const std::string_view what = not_rows_of_tables(query); !what.empty())
      return Error{ErrorCode::NotSupported, fmt::format("{} is not allowed with {}", words, what)}
          .at(query.position);
    const std::string_view wait = clause.fields.text("waitPolicy");
    if (wait == "LockWaitSkip") row_locks_.wait = RowLocks::Wait::SkipLocked;
    if (wait == "LockWaitError") row_locks_.wait = RowLocks::Wait::NoWait;
    std::vector<LockableSource> sources;
    for (const Node& each : pgsql::children(select, "fromClause")) TRY(add_lockable(each, sources));
    const std::vector<Node> named = pgsql::children(clause.fields, "lockedRels");
    if (named.empty())
      for (LockableSource& each : sources) row_locks_.tables.push_back(std::move(each.table));
    for (const Node& each : named) {
      const std::string_view name = each.fields.text("relname");
      bool is_there = false;
      for (const LockableSource& source : sources) {
        if (source.visible_name != name) continue;
        is_there = true;
        row_locks_.tables.push_back(source.table);
      }
      if (!is_there)
        return Error{
            ErrorCode::UndefinedSource,
            fmt::format("relation \"{}\" in {} clause not found in FROM clause", name, words)}
            .at(position(each.fields.number("location")));
    }
  }
  return {};
}

}  // namespace engine::pgsql
