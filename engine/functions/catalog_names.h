// Finds names and numbers of objects in the catalog, and privileges on them, for the reg* types,
// to_reg*() and has_*_privilege(). engine/system_tables implements this interface, for one
// statement at a time.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/functions/kernel.h"
#include "engine/types/catalog_labels.h"

namespace engine {

struct FunctionFamily;
extern const FunctionFamily kCatalogNameFunctions;

// Finds the catalog's objects for one statement.
//
// Threads: one at a time.
class CatalogNames {
 public:
  virtual ~CatalogNames() = default;
  // Returns the number of the object that a text names as in SQL: Orders, "Orders", public.orders, integer[], 16394.
  // Fails for an unknown name as PostgreSQL does: UndefinedSource, UndefinedObject, UndefinedSchema, UndefinedFunction.
  virtual Result<int64_t> number_of(PostgresLabel type, std::string_view text) = 0;
  // Returns the name of an object. If no object has the number, returns the number as a text.
  virtual std::string name_of(PostgresLabel type, int64_t number) = 0;
  // Returns whether the role (a name or a number; nothing: the current user) has at least one of
  // the privileges (a list with commas) on the object. `kind` is the kind of the object: "table",
  // "sequence", "any_column", "column", "schema", "database", "function", "type", ... `object` is a
  // name as for number_of(), or a number. Returns nullopt if no object has that number.
  virtual Result<std::optional<bool>> has_privilege(std::string_view kind,
                                                    std::optional<std::string_view> role,
                                                    std::string_view object,
                                                    std::string_view column,
                                                    std::string_view privileges) = 0;
};

// As long as this object exists, functions that this thread computes use the given CatalogNames.
// They are not a part of EvalContext, which all functions and operators receive, because only a few
// functions in statements about the catalog need them.
class CatalogNamesInUse {
 public:
  explicit CatalogNamesInUse(CatalogNames* names);  // null: no names
  ~CatalogNamesInUse();
  CatalogNamesInUse(const CatalogNamesInUse&) = delete;
  CatalogNamesInUse& operator=(const CatalogNamesInUse&) = delete;

 private:
  CatalogNames* const before_;
};

// Returns the names in use on this thread; null if none.
CatalogNames* catalog_names_in_use();

// Kernels of casts. The first argument is the name of the reg* type, the second the value.
void registered_name_of_text(KernelCall& call);    // for a text, or a name of another reg* type
void registered_name_of_number(KernelCall& call);  // the argument is a BIGINT
void registered_number(KernelCall& call);          // returns the number for a text or a name

}  // namespace engine
