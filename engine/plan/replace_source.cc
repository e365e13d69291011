#include "engine/plan/replace_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/format.h"

namespace engine {
namespace {

Error refuse(const DataSource& old, std::string_view what, std::string_view before,
             std::string_view after, std::string_view more = "") {
  return Error{ErrorCode::InvalidStatement,
               fmt::format("Cannot upgrade data source: DataSource '`{}`' has {} = {} which is not "
                           "upgradeable to {}.{}",
                           old.name, what, before, after, more)};
}

std::string describe(const FormatSpec& format) { return format.name; }

std::string describe(const std::optional<TimestampColumn>& timestamp) {
  if (!timestamp) return "none";
  return timestamp->format ? timestamp->column + " (" + *timestamp->format + ")"
                           : timestamp->column;
}

std::string describe(const ColumnDef& column) { return Schema{{column}}.to_string(); }

// Lists the columns of `old` that are not at the same position in `next`. If `may_grow` is false,
// which is so for key columns, also lists the columns that only `next` has.
std::string changed_columns(std::vector<ColumnDef> old, std::vector<ColumnDef> next,
                            bool may_grow) {
  std::string changed;
  const size_t count = may_grow ? old.size() : std::max(old.size(), next.size());
  for (size_t i = 0; i < count; ++i) {
    if (i < old.size() && i < next.size() && old[i] == next[i]) continue;
    if (!changed.empty()) changed += ", ";
    changed += describe(i < old.size() ? old[i] : next[i]);
  }
  return changed;
}

Status check_schema(const DataSource& old, const DataSource& next) {
  std::string changed = changed_columns(old.schema.keys(), next.schema.keys(), false);
  const std::string values = changed_columns(old.schema.values(), next.schema.values(), true);
  if (!changed.empty() && !values.empty()) changed += ", ";
  changed += values;
  if (changed.empty()) return {};
  return refuse(
      old, "schema", old.schema.to_string(), next.schema.to_string(),
      fmt::format(" (The following columns are changed, missing or reordered: [{}])", changed));
}

}  // namespace

Status check_not_rebuilt(const DataSource& source, const Catalog& catalog) {
  const PersistentQuery* const rebuild = catalog.rebuild_of(source.created_by);
  if (!rebuild) return {};
  return Error{ErrorCode::ObjectState,
               fmt::format("{} is being rebuilt by query {}", source.name, rebuild->id)}
      .with_hint(fmt::format(
          "Wait until that query has replaced the old one, or TERMINATE {} first.", rebuild->id));
}

Status check_replaceable(const DataSource& old, const DataSource& next) {
  if (old.kind != next.kind) {
    const auto type = [](SourceKind kind) {
      return kind == SourceKind::Stream ? "KSTREAM" : "KTABLE";
    };
    return refuse(old, "type", type(old.kind), type(next.kind));
  }
  if (old.topic != next.topic) return refuse(old, "topicName", old.topic, next.topic);
  if (!is_same_format(old.key_format, next.key_format))
    return refuse(old, "keyFormat", describe(old.key_format), describe(next.key_format));
  if (!is_same_format(old.value_format, next.value_format))
    return refuse(old, "valueFormat", describe(old.value_format), describe(next.value_format));
  if (old.timestamp != next.timestamp)
    return refuse(old, "timestampColumn", describe(old.timestamp), describe(next.timestamp));
  if (old.window != next.window)
    return refuse(old, "window", old.window ? "one" : "none", next.window ? "another" : "none");
  return check_schema(old, next);
}

}  // namespace engine
