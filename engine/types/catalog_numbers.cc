#include "engine/types/catalog_numbers.h"

#include <algorithm>
#include <iterator>

namespace engine {

namespace {

struct KnownNumber {
  std::string_view table;
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
    {"pg_authid", 1260},
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
    {"pg_init_privs", 3394},
    {"pg_language", 2612},
    {"pg_largeobject", 2613},
    {"pg_largeobject_metadata", 2995},
    {"pg_namespace", 2615},
    {"pg_opclass", 2616},
    {"pg_operator", 2617},
    {"pg_opfamily", 2753},
    {"pg_parameter_acl", 6243},
    {"pg_partitioned_table", 3350},
    {"pg_policy", 3256},
    {"pg_proc", 1255},
    {"pg_publication", 6104},
    {"pg_publication_namespace", 6237},
    {"pg_publication_rel", 6106},
    {"pg_range", 3541},
    {"pg_replication_origin", 6000},
    {"pg_rewrite", 2618},
    {"pg_seclabel", 3596},
    {"pg_sequence", 2224},
    {"pg_shdepend", 1214},
    {"pg_shdescription", 2396},
    {"pg_shseclabel", 3592},
    {"pg_statistic", 2619},
    {"pg_statistic_ext", 3381},
    {"pg_statistic_ext_data", 3429},
    {"pg_subscription", 6100},
    {"pg_subscription_rel", 6102},
    {"pg_tablespace", 1213},
    {"pg_transform", 3576},
    {"pg_trigger", 2620},
    {"pg_ts_config", 3602},
    {"pg_ts_config_map", 3603},
    {"pg_ts_dict", 3600},
    {"pg_ts_parser", 3601},
    {"pg_ts_template", 3764},
    {"pg_type", 1247},
    {"pg_user_mapping", 1418},
};

}  // namespace

std::optional<int64_t> catalog_number(std::string_view table) {
  const auto known = std::ranges::find(kKnownNumbers, table, &KnownNumber::table);
  return known == std::end(kKnownNumbers) ? std::nullopt : std::optional(known->oid);
}

// Computes an FNV-1a hash of at least 16384, where PostgreSQL's numbers of users' objects begin.
int64_t object_number(std::string_view kind, std::string_view name) {
  uint64_t hash = 14695981039346656037U;
  for (const std::string_view text : {kind, name})
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  constexpr uint64_t kFirst = 16384, kNumbers = (uint64_t{1} << 31) - kFirst;
  return static_cast<int64_t>(hash % kNumbers + kFirst);
}

}  // namespace engine
