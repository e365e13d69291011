// Names and numbers of the catalog's objects, and rights on them, for the functions of one statement.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/functions/catalog_names.h"
#include "engine/system_tables/access_facts.h"

namespace engine {

// Most statements name no object of the catalog, or only objects of one kind. So the objects of a
// kind are listed only when they are first needed.
//
// Invariant: if a name exists in several visible schemas, it refers to the object in pg_catalog, which is first in
// every search path.
// Threads: one at a time. The catalog must outlive the object.
class CatalogNameIndex final : public CatalogNames {
 public:
  // `access` returns the current users and rights. `user` is the name of the client's user. `temporary_schema` is the
  // first part of the names of the session's temporary tables, or empty.
  CatalogNameIndex(const Catalog& catalog, std::function<AccessFacts()> access, std::string user,
                   std::string temporary_schema = {});
  ~CatalogNameIndex() override;

  Result<int64_t> number_of(PostgresLabel type, std::string_view text) override;
  std::string name_of(PostgresLabel type, int64_t number) override;
  Result<std::optional<bool>> has_privilege(std::string_view kind,
                                            std::optional<std::string_view> role,
                                            std::string_view object, std::string_view column,
                                            std::string_view privileges) override;

 private:
  struct Listed;  // contains the objects of one kind
  struct Roles;

  const Listed& listed(PostgresLabel type);
  void hide_names(Listed& list);
  const Roles& roles();
  Result<const RoleFact*> find_role(std::optional<std::string_view> role);
  Result<std::optional<bool>> has_table_privilege(std::string_view kind, const RoleFact& role,
                                                  std::string_view object, std::string_view column,
                                                  std::string_view privileges);

  const Catalog& catalog_;
  const std::function<AccessFacts()> access_;
  const std::string user_, temporary_schema_;
  std::map<PostgresLabel, std::unique_ptr<const Listed>> listed_;
  std::unique_ptr<const Roles> roles_;
};

}  // namespace engine
