#include "engine/sql/same_query.h"

#include <algorithm>

namespace engine {

namespace {

bool same_part(const ExpressionPtr& left, const ExpressionPtr& right) {
  return !left == !right && (!left || equals(*left, *right));
}
bool same_list(const ExpressionList& left, const ExpressionList& right) {
  return std::ranges::equal(left, right, same_part);
}
bool same_source(const AliasedSource& left, const AliasedSource& right) {
  const bool is_same_query =
      left.query == right.query || (left.query && right.query && equals(*left.query, *right.query));
  return is_same_query && left.schema == right.schema && left.name == right.name &&
         left.alias == right.alias && left.columns == right.columns &&
         left.lateral == right.lateral && left.is_function == right.is_function;
}
bool same_join(const Join& left, const Join& right) {
  return left.type == right.type && same_source(left.source, right.source) &&
         same_part(left.on, right.on) && left.columns == right.columns &&
         left.natural == right.natural && !left.within && !right.within;
}
bool same_item(const SelectItem& left, const SelectItem& right) {
  return left.kind == right.kind && same_part(left.expression, right.expression) &&
         left.alias == right.alias && left.source == right.source;
}
bool same_ordering(const OrderItem& left, const OrderItem& right) {
  return same_part(left.expression, right.expression) && left.descending == right.descending &&
         left.nulls == right.nulls;
}
bool is_plain(const Query& query) {
  return query.with.empty() && !query.combined && query.values.empty() && !query.window &&
         query.partition_by.empty() && query.grouping_sets.empty() && query.emit == Emit::None;
}

}  // namespace

bool equals(const Query& left, const Query& right) {
  if (!is_plain(left) || !is_plain(right)) return false;
  const bool is_same_from =
      !left.from == !right.from && (!left.from || same_source(*left.from, *right.from));
  return is_same_from && left.distinct == right.distinct &&
         same_list(left.distinct_on, right.distinct_on) &&
         std::ranges::equal(left.items, right.items, same_item) &&
         std::ranges::equal(left.joins, right.joins, same_join) &&
         same_part(left.where, right.where) && same_list(left.group_by, right.group_by) &&
         same_part(left.having, right.having) &&
         std::ranges::equal(left.order_by, right.order_by, same_ordering) &&
         same_part(left.limit, right.limit) && same_part(left.offset, right.offset);
}

}  // namespace engine
