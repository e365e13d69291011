#include "engine/system_tables/catalog_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/catalog/system_sources.h"
#include "engine/plan/analysis.h"
#include "engine/system_tables/postgres_tables.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// What PostgreSQL itself gives its tables: clients compare with these.
struct KnownNumber {
  std::string_view name;
  int64_t oid;
};
constexpr KnownNumber kKnownNumbers[] = {
    {"pg_aggregate", 2600},
    {"pg_am", 2601},
    {"pg_amop", 2602},
    {"pg_amproc", 2603},
    {"pg_attrdef", 2604},
    {"pg_attribute", 1249},
    {"pg_auth_members", 1261},
    {"pg_cast", 2605},
    {"pg_class", 1259},
    {"pg_collation", 3456},
    {"pg_constraint", 2606},
    {"pg_conversion", 2607},
    {"pg_database", 1262},
    {"pg_db_role_setting", 2964},
    {"pg_default_acl", 826},
    {"pg_depend", 2608},
    {"pg_description", 2609},
    {"pg_enum", 3501},
    {"pg_event_trigger", 3466},
    {"pg_extension", 3079},
    {"pg_foreign_data_wrapper", 2328},
    {"pg_foreign_server", 1417},
    {"pg_foreign_table", 3118},
    {"pg_index", 2610},
    {"pg_inherits", 2611},
    {"pg_language", 2612},
    {"pg_namespace", 2615},
    {"pg_opclass", 2616},
    {"pg_operator", 2617},
    {"pg_opfamily", 2753},
    {"pg_partitioned_table", 3350},
    {"pg_policy", 3256},
    {"pg_proc", 1255},
    {"pg_publication", 6104},
    {"pg_publication_namespace", 6237},
    {"pg_publication_rel", 6106},
    {"pg_range", 3541},
    {"pg_rewrite", 2618},
    {"pg_sequence", 2224},
    {"pg_shdescription", 2396},
    {"pg_statistic_ext", 3381},
    {"pg_statistic_ext_data", 3429},
    {"pg_tablespace", 1213},
    {"pg_trigger", 2620},
    {"pg_ts_config", 3602},
    {"pg_ts_config_map", 3603},
    {"pg_ts_dict", 3600},
    {"pg_ts_parser", 3601},
    {"pg_ts_template", 3764},
    {"pg_type", 1247},
    {"pg_user_mapping", 1418},
};

// FNV-1a.
uint64_t hash_of(std::string_view kind, std::string_view name) {
  uint64_t hash = 14695981039346656037U;
  const auto add = [&](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  };
  add(kind);
  add(name);
  return hash;
}

// PostgreSQL gives numbers of users' objects from here.
constexpr int64_t kFirstNumber = 16384, kNumbers = (int64_t{1} << 31) - kFirstNumber;

int64_t schema_number(std::string_view schema) {
  if (schema == "PG_CATALOG") return kPgCatalogSchema;
  return schema == "INFORMATION_SCHEMA" ? kInformationSchema : kMillraceSchema;
}

}  // namespace

int64_t user_schema_oid(std::string_view name) {
  return static_cast<int64_t>(hash_of("schema", name) % kNumbers) + kFirstNumber;
}

ObjectPlace place_of(const Catalog& catalog, std::string_view name) {
  ObjectPlace place;
  place.name = display_name(name);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || !catalog.schemas.contains(std::string(name.substr(0, dot))))
    return place;
  return {user_schema_oid(name.substr(0, dot)), display_name(name.substr(0, dot)),
          display_name(name.substr(dot + 1))};
}

std::vector<int64_t> CatalogRelation::key_places() const {
  std::vector<int64_t> places;
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].is_key) places.push_back(static_cast<int64_t>(i) + 1);
  return places;
}

std::string CatalogRelation::key_columns() const {
  std::string list;
  for (const CatalogColumn& column : columns)
    if (column.is_key) list += (list.empty() ? "" : ", ") + column.name;
  return "(" + list + ")";
}

CatalogObjects::CatalogObjects(const Catalog& catalog) {
  for (const auto& [name, source] : catalog.sources())
    if (name != kProcessingLogStream && !source->is_temporary) add_source(catalog, *source);
  for (const auto& table : all_system_tables()) {
    CatalogRelation& relation = relations_.emplace_back();
    relation.name = display_name(table->name);
    relation.schema = schema_number(table->schema);
    relation.schema_name = display_name(table->schema);
    relation.kind = table->schema == "INFORMATION_SCHEMA" ? 'v' : 'r';
    const auto known = std::ranges::find(kKnownNumbers, relation.name, &KnownNumber::name);
    relation.oid = known != std::end(kKnownNumbers)
                       ? known->oid
                       : number_of("system", table->schema + relation.name);
    for (const ColumnDef& column : table->columns.columns)
      if (!column.name.starts_with(kHiddenColumns))
        relation.columns.push_back({display_name(column.name), column.type});
  }
}

int64_t CatalogObjects::number_of(std::string_view kind, std::string_view name) {
  int64_t number = static_cast<int64_t>(hash_of(kind, name) % kNumbers) + kFirstNumber;
  while (!taken_.emplace(number, true).second) ++number;
  return number;
}

// Its columns as `SELECT *` of a look-up shows them.
void CatalogObjects::add_source(const Catalog& catalog, const DataSource& source) {
  CatalogRelation& relation = relations_.emplace_back();
  ObjectPlace place = place_of(catalog, source.name);
  relation.name = std::move(place.name);
  relation.schema = place.schema;
  relation.schema_name = std::move(place.schema_name);
  relation.source = &source;
  relation.oid = number_of("relation", source.name);
  relation.kind = source.created_by.empty() ? 'r' : 'm';
  const bool is_table = source.kind == SourceKind::Table;
  for (const std::string& name : names_of_star(source)) {
    const int index = source.schema.index_of(name);
    if (index < 0) {  // a bound of the window
      relation.columns.push_back(
          {display_name(name), TypeKind::Bigint, is_table && name == kWindowStart});
      continue;
    }
    const ColumnDef& column = source.schema.columns[static_cast<size_t>(index)];
    const bool is_key = column.role == ColumnRole::Key;
    relation.columns.push_back({display_name(name), column.type, is_key && is_table,
                                is_key ? is_table : column.is_not_null});
  }
  if (is_table && !source.schema.has_row_id()) relation.key = number_of("key", source.name);
}

}  // namespace engine
