#include "engine/sql/reads_table.h"

#include <algorithm>
#include <tuple>

#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

bool reads(const AliasedSource& source, const Name& table) {
  return source.query ? reads_table(*source.query, table)
                      : equals_ignoring_case(source.name.text, table.text);
}

}  // namespace

bool reads_table(const Query& query, const Name& table) {
  const auto in_source = [&](const AliasedSource& source) { return reads(source, table); };
  if (query.combined &&
      (reads_table(*query.combined->left, table) || reads_table(*query.combined->right, table)))
    return true;
  if (query.from && in_source(*query.from)) return true;
  if (std::ranges::any_of(query.joins, in_source, &Join::source)) return true;
  if (std::ranges::any_of(query.with, [&](const CommonTable& each) {
        return each.query && reads_table(*each.query, table);
      }))
    return true;
  bool reads_within = false;
  const auto visit = [&](ExpressionPtr& each) -> Status {
    if (const auto* subquery = each->as<Subquery>())
      reads_within = reads_within || reads_table(*subquery->query, table);
    return {};
  };
  Query copy = clone(query);
  // The visitor does not fail.
  std::ignore = rewrite_expressions(copy, visit, RewriteOrder::ParentsFirst);
  return reads_within;
}

}  // namespace engine
