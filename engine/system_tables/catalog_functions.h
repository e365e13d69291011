// The rows of pg_proc: the functions of the registry, and those functions of PostgreSQL 15 to which
// PostgreSQL's own catalog refers (input and output functions of types, handlers). Drivers
// distinguish types by the names of the functions of PostgreSQL. Used only in this folder.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/functions/registry.h"
#include "engine/system_tables/catalog_objects.h"

namespace engine {

// A function of PostgreSQL, with PostgreSQL's number and types. Statements cannot call it.
struct PostgresFunction {
  int64_t oid;
  std::string_view name;
  // names of the types as format_type() shows them, separated by commas
  std::string_view arguments;
  std::string_view argument_types;  // numbers of the types, separated by blanks
  int64_t result;
  std::string_view result_name;
};
std::span<const PostgresFunction> postgres_functions();

struct CatalogFunctionRow {
  int64_t oid = 0;
  std::string name;
  std::vector<int64_t> argument_types;
  int64_t result = 0;
  std::string arguments, result_name;  // as shown to users
  char kind = 'f';                     // pg_proc.prokind
  bool gives_rows = false;
};
std::vector<CatalogFunctionRow> catalog_functions(CatalogObjects objects);

}  // namespace engine
