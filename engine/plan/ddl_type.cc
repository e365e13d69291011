#include <fmt/format.h>

#include "engine/plan/ddl.h"

namespace engine {

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
  Catalog next = *catalog;
  next.types.erase(name);
  return CatalogChange{.catalog = std::make_shared<const Catalog>(std::move(next))};
}

}  // namespace engine
