#include "engine/sql/grouping_sets.h"

#include <algorithm>
#include <utility>

namespace engine {

namespace {

constexpr size_t kMaxGroupingSets = 4096;

Error too_many(TextPosition position) {
  return Error{ErrorCode::LimitExceeded, "GROUP BY can have at most 4096 grouping sets"}.at(
      position);
}

void append(const ExpressionList& from, ExpressionList& to) {
  for (const ExpressionPtr& each : from) to.push_back(clone(*each));
}

size_t place_of(ExpressionPtr expression, ExpressionList& known) {
  for (size_t i = 0; i < known.size(); ++i)
    if (equals(*known[i], *expression)) return i;
  known.push_back(std::move(expression));
  return known.size() - 1;
}

std::vector<ExpressionList> one_each(ExpressionList& list) {
  std::vector<ExpressionList> parts;
  for (ExpressionPtr& each : list) parts.emplace_back().push_back(std::move(each));
  return parts;
}

}  // namespace

GroupingItem rollup_of(std::vector<ExpressionList> parts) {
  GroupingItem sets;
  for (size_t count = parts.size() + 1; count-- > 0;) {
    ExpressionList& set = sets.emplace_back();
    for (size_t i = 0; i < count; ++i) append(parts[i], set);
  }
  return sets;
}

Result<GroupingItem> cube_of(std::vector<ExpressionList> parts, TextPosition position) {
  if (parts.size() > 12) return too_many(position);
  GroupingItem sets;
  const size_t all = size_t{1} << parts.size();
  for (size_t left_out = 0; left_out < all; ++left_out) {
    ExpressionList& set = sets.emplace_back();
    for (size_t i = 0; i < parts.size(); ++i)
      if ((left_out >> (parts.size() - 1 - i) & 1) == 0) append(parts[i], set);
  }
  return sets;
}

Status set_grouping(std::vector<GroupingItem> items, Query& query) {
  query.group_by.clear();
  query.grouping_sets.clear();
  std::vector<std::vector<size_t>> sets(1);
  for (GroupingItem& item : items) {
    if (sets.size() * item.size() > kMaxGroupingSets) return too_many(query.position);
    std::vector<std::vector<size_t>> places;
    for (ExpressionList& choice : item) {
      std::vector<size_t>& set = places.emplace_back();
      for (ExpressionPtr& each : choice) set.push_back(place_of(std::move(each), query.group_by));
    }
    std::vector<std::vector<size_t>> next;
    for (const std::vector<size_t>& before : sets)
      for (const std::vector<size_t>& choice : places) {
        std::vector<size_t>& both = next.emplace_back(before);
        for (const size_t place : choice)
          if (std::ranges::find(both, place) == both.end()) both.push_back(place);
      }
    sets = std::move(next);
  }
  query.grouping_sets = std::move(sets);
  return {};
}

Status write_grouping_sets_out(Query& query) {
  const auto name_of = [](const ExpressionPtr& each) {
    const auto* call = each->as<FunctionCall>();
    return call ? call->name : std::string();
  };
  if (std::ranges::none_of(query.group_by, [&](const ExpressionPtr& each) {
        return name_of(each) == "ROLLUP" || name_of(each) == "CUBE";
      }))
    return {};
  std::vector<GroupingItem> items;
  for (ExpressionPtr& each : query.group_by) {
    const std::string name = name_of(each);
    if (name == "ROLLUP") {
      items.push_back(rollup_of(one_each(std::get<FunctionCall>(each->node).arguments)));
    } else if (name == "CUBE") {
      const TextPosition at = each->position;
      items.push_back(TRY(cube_of(one_each(std::get<FunctionCall>(each->node).arguments), at)));
    } else {
      items.emplace_back().emplace_back().push_back(std::move(each));
    }
  }
  return set_grouping(std::move(items), query);
}

}  // namespace engine
