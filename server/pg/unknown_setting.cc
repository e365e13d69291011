#include "server/pg/unknown_setting.h"

#include <algorithm>
#include <iterator>

#include "engine/types/ascii.h"
#include "server/sql/session_settings.h"

namespace server::pg {

namespace {

struct ShownElsewhere {
  std::string_view name, hint;  // `name` is in lower case
};
constexpr std::string_view kDescribeColumns = "DESCRIBE and the name lists the columns.";
constexpr std::string_view kGroups =
    "SHOW CONSUMER GROUPS lists the groups, and SHOW CONSUMER LAG their offsets.";
constexpr std::string_view kQueries = "SHOW QUERIES lists the continuous queries.";
// Words of MySQL, ksqlDB, Flink and Kafka.
constexpr ShownElsewhere kShownElsewhere[] = {
    {"databases", "A server has one database. SHOW STREAMS and SHOW TABLES list its contents."},
    {"catalogs", "A server has one database. SHOW STREAMS and SHOW TABLES list its contents."},
    {"schemas", "SELECT schema_name FROM information_schema.schemata lists the schemas."},
    {"jobs", kQueries},
    {"query", "SHOW QUERIES lists the continuous queries; EXPLAIN and an id shows one."},
    {"views",
     "SELECT viewname FROM pg_views lists the views, and SELECT matviewname FROM pg_matviews the "
     "materialized ones."},
    {"processlist", "SELECT * FROM pg_stat_activity lists the sessions."},
    {"users", "SELECT usename FROM pg_user lists the users."},
    {"roles", "SELECT rolname FROM pg_roles lists the roles."},
    {"grants",
     "SELECT grantee, privilege_type, table_name FROM information_schema.role_table_grants lists "
     "the rights."},
    {"columns", kDescribeColumns},
    {"fields", kDescribeColumns},
    {"indexes", "Rows are found by their PRIMARY KEY, which DESCRIBE shows."},
    {"status", "SHOW SERVER shows the state of the server, and SHOW QUERIES that of the queries."},
    {"engines", "SHOW SERVER shows the state of the server."},
    {"consumers", kGroups},
    {"groups", kGroups},
    {"offsets", kGroups},
    {"partitions", "SHOW TOPICS lists the topics and the numbers of their partitions."},
    {"brokers", "SHOW CLUSTER lists the nodes."},
    {"nodes", "SHOW CLUSTER lists the nodes."},
    {"warnings", "A warning is sent with the result of its statement."},
};

}  // namespace

Error unknown_to_show(const std::string& name) {
  const auto elsewhere =
      std::ranges::find(kShownElsewhere, engine::lower_case(name), &ShownElsewhere::name);
  if (elsewhere != std::end(kShownElsewhere))
    return sql::unknown_setting(name, {}).with_hint(std::string(elsewhere->hint));
  Error error =
      sql::unknown_setting(name, {"STREAMS", "TABLES", "TOPICS", "QUERIES", "TASKS", "SERVER",
                                  "FUNCTIONS", "PROPERTIES", "TYPES", "VARIABLES"});
  if (error.hint.empty())
    error.hint =
        name.find('.') == std::string::npos
            ? "SHOW ALL lists the settings."
            : "It is not set in this session. SHOW PROPERTIES lists the settings in effect.";
  return error;
}

}  // namespace server::pg
