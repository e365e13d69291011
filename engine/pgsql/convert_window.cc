// Converts OVER, WINDOW, FILTER, and ORDER BY within a call.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/pgsql/convert.h"

namespace engine::pgsql {

namespace {

// Bits of WindowDef.frameOptions, which PostgreSQL's nodes/parsenodes.h defines.
constexpr int64_t kHasFrame = 0x1, kRows = 0x4, kGroups = 0x8, kStartUnboundedPreceding = 0x20,
                  kEndUnboundedPreceding = 0x40, kStartUnboundedFollowing = 0x80,
                  kEndUnboundedFollowing = 0x100, kStartPreceding = 0x800, kEndPreceding = 0x1000,
                  kStartFollowing = 0x2000, kEndFollowing = 0x4000, kExcludeCurrentRow = 0x8000,
                  kExcludeGroup = 0x10000, kExcludeTies = 0x20000;

FrameEdge edge_of(int64_t options, int64_t unbounded_preceding, int64_t preceding,
                  int64_t following, int64_t unbounded_following) {
  if (options & unbounded_preceding) return FrameEdge::UnboundedPreceding;
  if (options & preceding) return FrameEdge::Preceding;
  if (options & following) return FrameEdge::Following;
  if (options & unbounded_following) return FrameEdge::UnboundedFollowing;
  return FrameEdge::CurrentRow;
}

ExpressionList copy(const ExpressionList& list) { return clone(list); }
std::vector<OrderItem> copy(const std::vector<OrderItem>& items) {
  std::vector<OrderItem> made;
  for (const OrderItem& each : items)
    made.push_back({clone(*each.expression), each.descending, each.nulls});
  return made;
}
WindowFrame copy(const WindowFrame& frame) {
  const auto bound = [](const FrameBound& from) {
    return FrameBound{from.edge, from.offset ? clone(*from.offset) : nullptr};
  };
  return {frame.unit, bound(frame.start), bound(frame.end), frame.exclusion};
}

}  // namespace

Status Converter::name_windows(const Fields& select) const {
  for (const Node& each : pgsql::children(select, "windowClause")) {
    OverWindow made = TRY(window(each.fields));
    windows_.push_back({std::string(each.fields.text("name")), std::move(made)});
  }
  return {};
}

Result<OverWindow> Converter::window(const Fields& definition) const {
  const TextPosition at = position(definition.number("location"));
  OverWindow over;
  over.partition_by = TRY(expressions(definition, "partitionClause"));
  over.order_by = TRY(order(definition, "orderClause"));
  const int64_t options = definition.number("frameOptions");
  over.has_frame = options & kHasFrame;
  WindowFrame& frame = over.frame;
  if (over.has_frame) {
    if (options & kRows) frame.unit = FrameUnit::Rows;
    if (options & kGroups) frame.unit = FrameUnit::Groups;
    frame.start.edge = edge_of(options, kStartUnboundedPreceding, kStartPreceding, kStartFollowing,
                               kStartUnboundedFollowing);
    frame.end.edge = edge_of(options, kEndUnboundedPreceding, kEndPreceding, kEndFollowing,
                             kEndUnboundedFollowing);
    if (definition.has("startOffset"))
      frame.start.offset = TRY(child_of(definition, "startOffset"));
    if (definition.has("endOffset")) frame.end.offset = TRY(child_of(definition, "endOffset"));
    if (options & kExcludeCurrentRow) frame.exclusion = FrameExclusion::CurrentRow;
    if (options & kExcludeGroup) frame.exclusion = FrameExclusion::Group;
    if (options & kExcludeTies) frame.exclusion = FrameExclusion::Ties;
  }
  // OVER (name ...) refers to a named window.
  const std::string_view refers = definition.text("refname");
  if (refers.empty()) return over;
  const auto known = std::find_if(windows_.rbegin(), windows_.rend(),
                                  [&](const NamedWindow& each) { return each.name == refers; });
  if (known == windows_.rend())
    return Error{ErrorCode::UndefinedObject, fmt::format("window \"{}\" does not exist", refers)}
        .at(at);
  if (!over.partition_by.empty())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("cannot override PARTITION BY clause of window \"{}\"", refers)}
        .at(at);
  if (!over.order_by.empty() && !known->window.order_by.empty())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("cannot override ORDER BY clause of window \"{}\"", refers)}
        .at(at);
  if (known->window.has_frame)
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("cannot copy window \"{}\" because it has a frame clause", refers)}
        .at(at);
  over.partition_by = copy(known->window.partition_by);
  if (over.order_by.empty()) over.order_by = copy(known->window.order_by);
  return over;
}

Status Converter::add_call_clauses(const Fields& fields, FunctionCall& call) const {
  call.order_by = TRY(order(fields, "agg_order"));
  call.within_group = fields.flag("agg_within_group");
  if (fields.has("agg_filter")) call.filter = TRY(child_of(fields, "agg_filter"));
  const auto definition = fields.part("over");
  if (!definition) return {};
  const std::string_view name = definition->text("name");
  if (name.empty()) {
    call.over = std::make_unique<OverWindow>(TRY(window(*definition)));
    return {};
  }
  const auto known = std::find_if(windows_.rbegin(), windows_.rend(),
                                  [&](const NamedWindow& each) { return each.name == name; });
  if (known == windows_.rend())
    return Error{ErrorCode::UndefinedObject, fmt::format("window \"{}\" does not exist", name)}.at(
        position(definition->number("location")));
  const OverWindow& from = known->window;
  call.over = std::make_unique<OverWindow>(
      OverWindow{copy(from.partition_by), copy(from.order_by), copy(from.frame), from.has_frame});
  return {};
}

}  // namespace engine::pgsql
