#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/plan/create_source.h"
#include "engine/plan/ddl.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// Returns whether the type is or contains the enumeration or composite type with this name.
bool uses_type(const SqlType& type, const std::string& name) {
  if (type.name() == name) return true;
  switch (type.kind()) {
    case TypeKind::Array:
      return uses_type(type.element(), name);
    case TypeKind::Map:
      return uses_type(type.key(), name) || uses_type(type.value(), name);
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(),
                                 [&](const Field& field) { return uses_type(field.type, name); });
    default:
      return false;
  }
}

// Returns the columns and types that keep the name of the type, as PostgreSQL lists them. Types of the dialect
// (CREATE TYPE address AS STRUCT<...>) and domains are only other names: columns do not keep these, so that DROP TYPE
// does not change them.
std::vector<std::string> dependants(const std::string& name, const Catalog& catalog) {
  std::vector<std::string> found;
  if (catalog.types.at(name).name().empty()) return found;
  const std::string shown = display_name(name);
  for (const auto& [source_name, source] : catalog.sources())
    for (const ColumnDef& column : source->schema.columns)
      if (uses_type(column.type, name))
        found.push_back(fmt::format("column {} of {} {} depends on type {}",
                                    display_name(column.name), kind_word(source->kind),
                                    display_name(source_name), shown));
  for (const auto& [other, type] : catalog.types)
    if (other != name && uses_type(type, name))
      found.push_back(fmt::format("type {} depends on type {}", display_name(other), shown));
  return found;
}

}  // namespace

Result<CatalogChange> plan_create_type(const CreateType& create, const CatalogPtr& catalog) {
  const std::string& name = create.name.text;
  if (catalog->types.contains(name)) {
    if (create.if_not_exists)
      return CatalogChange{.catalog = catalog,
                           .notices = {fmt::format("type {} already exists, skipping", name)}};
    return Error{ErrorCode::DuplicateObject,
                 fmt::format("Cannot register custom type '{}' since it is already registered with "
                             "type: {}",
                             name, catalog->types.at(name).to_string())}
        .at(create.name_position);
  }
  Catalog next = *catalog;
  next.types[name] = TRY(resolve_type(create.type, catalog->types));
  return CatalogChange{.catalog = std::make_shared<const Catalog>(std::move(next))};
}

Result<CatalogChange> plan_drop_type(const DropType& drop, const CatalogPtr& catalog) {
  const std::string& name = drop.name.text;
  if (!catalog->types.contains(name)) {
    if (drop.if_exists)
      return CatalogChange{.catalog = catalog,
                           .notices = {fmt::format("type {} does not exist, skipping", name)}};
    return Error{ErrorCode::UndefinedObject, fmt::format("Type {} does not exist.", name)}.at(
        drop.name_position);
  }
  if (const auto found = dependants(name, *catalog); !found.empty()) {
    constexpr size_t kShown = 20;
    const auto last = found.begin() + static_cast<std::ptrdiff_t>(std::min(kShown, found.size()));
    return Error{
        ErrorCode::DependentObjects,
        fmt::format("cannot drop type {} because other objects depend on it", display_name(name)),
        fmt::format("{}", fmt::join(found.begin(), last, "\n")),
        "Drop these columns, or their streams and tables, first."}
        .at(drop.name_position);
  }
  Catalog next = *catalog;
  next.types.erase(name);
  return CatalogChange{.catalog = std::make_shared<const Catalog>(std::move(next))};
}

}  // namespace engine
