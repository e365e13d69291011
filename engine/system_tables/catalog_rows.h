// The functions that fill the system tables, one function for each table. Used only in this folder.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/query/system_rows.h"
#include "engine/system_tables/catalog_objects.h"
#include "engine/system_tables/information.h"
#include "engine/system_tables/postgres_tables.h"

namespace engine {

// Returns the current users and rights. If the server has no users, the result contains a role with
// the name `user` and all rights.
AccessFacts access_of(const std::function<AccessFacts()>& access, const std::string& user);

struct CatalogFacts {
  const InformationContext& context;
  const std::string& database;
  const std::string& user;  // the user of the session
  const std::string& temporary_schema;
  const CatalogObjects& objects;

  AccessFacts access() const { return access_of(context.access, user); }
};

struct CatalogTableRows {
  std::string_view name;  // in upper case
  void (*add)(const CatalogFacts& facts, SystemRowWriter& out);
};
// Functions by table. Tables without an entry have no rows.
extern const std::span<const CatalogTableRows> kPostgresRows, kStatisticsRows,
    kInformationSchemaRows;

// A table of millrace_catalog. Its contents are the result of a SHOW, with column names that need no quotes.
struct MillraceTable {
  std::string_view name;
  ShowKind kind;
  bool extended;
  std::span<const std::string_view> key;  // the columns that identify a row
};
extern const std::span<const MillraceTable> kMillraceTables;
// Returns the entry of the table; nullptr for tables of other schemas.
const MillraceTable* find_millrace_table(const SystemTable& table);
SystemTable millrace_table(const MillraceTable& row);

// The tables of millrace_catalog that no SHOW statement shows; history_rows.cc has them.
struct HistoryTable {
  PostgresTable table;  // schema, name and columns
  std::span<const std::string_view> key;
  RowsChunk (*rows)(const Schema& schema, const InformationContext& context,
                    std::span<const SystemTextFilter> wanted);
  bool reads_groups = false;      // set if the rows contain names of consumer groups
  bool reads_connectors = false;  // set if the rows contain names of connectors
};
extern const std::span<const HistoryTable> kHistoryTables;
// Returns the entry of the table; nullptr for other tables.
const HistoryTable* find_history_table(const SystemTable& table);

// The following functions are defined in sequence_rows.cc.
void add_sequence_rows(const CatalogFacts& facts, SystemRowWriter& out);
void add_sequence_list(const CatalogFacts& facts, SystemRowWriter& out);
void add_schema_sequences(const CatalogFacts& facts, SystemRowWriter& out);

// The following functions are defined in dependency_rows.cc. find_named() returns the stream, table or view with this name
// of the catalog; nullptr if it is hidden from the reader.
const CatalogRelation* find_named(const CatalogFacts& facts, std::string_view name);
void add_dependencies(const CatalogFacts& facts, SystemRowWriter& out);
void add_rules(const CatalogFacts& facts, SystemRowWriter& out);

// The following functions are defined in postgres_rows.cc. query_of() returns the query in the text
// of a CREATE ... AS; this query is shown as the definition of a view.
std::string_view query_of(std::string_view sql);
std::vector<std::pair<int64_t, std::string_view>> system_schemas();

// A type with its name in pg_type, and its name as shown by format_type(). Arrays are separate types.
struct CatalogTypeName {
  int64_t oid = 0, array = 0;  // array: 0 if the type has no array type
  std::string schema, name, shown;
  bool is_visible = true;  // statements can use the name without its schema
};
std::vector<CatalogTypeName> catalog_type_names(const Catalog& catalog);

// The following functions are defined in postgres_type_rows.cc.
void add_types(const CatalogFacts& facts, SystemRowWriter& out);
void add_ranges(const CatalogFacts& facts, SystemRowWriter& out);
void add_enumerations(const CatalogFacts& facts, SystemRowWriter& out);

}  // namespace engine
