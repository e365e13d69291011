// The rows of pg_proc: functions of the registry, and those of PostgreSQL 15 that its own catalog refers to (input and
// output of types, handlers), by which drivers distinguish types. Private to this folder.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/functions/registry.h"
#include "engine/system_tables/catalog_objects.h"

namespace engine {

// A function of PostgreSQL, with PostgreSQL's number and types; it cannot be called here.
struct PostgresFunction {
  int64_t oid;
  std::string_view name;
  std::string_view arguments;       // as format_type() shows the types, with commas
  std::string_view argument_types;  // their numbers, with blanks
  int64_t result;
  std::string_view result_name;
};
std::span<const PostgresFunction> postgres_functions();

struct CatalogFunctionRow {
  int64_t oid = 0;
  std::string name;
  std::vector<int64_t> argument_types;
  int64_t result = 0;
  std::string arguments, result_name;  // as shown
  char kind = 'f';                     // of prokind
  bool gives_rows = false;
};
std::vector<CatalogFunctionRow> catalog_functions(CatalogObjects objects);

}  // namespace engine
