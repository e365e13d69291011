#include "server/metadata/capabilities.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/meta/shared_sessions_level.h"

namespace server {

namespace {

constexpr std::string_view kRewrites =
    "not in BEGIN ... COMMIT; other sessions' INSERTs fail with 55P03 meanwhile";

constexpr Capability kCapabilities[] = {
    {.statement = "SELECT pg_advisory_lock(1)",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::AdvisoryLocks,
     .difference =
         "the session ends if its node has no connection to the controller for more than 6 s"},
    {.statement = "NOTIFY capable, 'x'",
     .difference = "below level 6 it reaches only sessions of its own node"},
    {.statement = "SELECT * FROM capable FOR UPDATE",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::RowLocks,
     .difference = "an UPDATE at another node does not wait; if both transactions change a row, "
                   "COMMIT fails with 40001"},
    {.statement = "SELECT * FROM capable FOR UPDATE SKIP LOCKED",
     .level = storage::kSharedSessionsLevel},
    {.statement = "CREATE STREAM made (id INT, v INT) WITH (GENERATOR = 'datagen', PARTITIONS = 1)",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::Generators,
     .difference = "while a query moves to another node, it generates no rows, and does not "
                   "generate these rows later"},
    {.statement = "CREATE LINK linked WITH ('bootstrap.servers' = '127.0.0.1:9092', 'connect' = "
                  "'later')",
     .level = storage::kConnectorsLevel,
     .feature = Feature::Links,
     .difference = "each node opens its own connection, with the secrets in its own --secrets-dir"},
    {.statement = "SET read.consistency = 'prefix'",
     .in_cluster = false,
     .feature = Feature::BarrierReads},
    {.statement = "SELECT * FROM KSQL_PROCESSING_LOG", .feature = Feature::LoneProcessingLog},
    {.statement = "TRUNCATE capable",
     .difference =
         "deletes the rows one by one; their keys together may have at most copy-atomic-bytes"},
    {.statement = "BEGIN; CREATE TABLE begun (id INT PRIMARY KEY); COMMIT",
     .level = storage::kDefiningTransactionsLevel},
    {.statement = "ALTER TOPIC shown SET ('retention.ms' = 3600000)"},
    {.statement = "ALTER CONSUMER GROUP 'shown_readers' RESET OFFSETS FOR TOPIC shown TO LATEST",
     .level = storage::kConnectorsLevel},
    {.statement = "CREATE VIEW viewed AS SELECT v FROM capable", .level = storage::kViewsLevel},
    {.statement = "ALTER VIEW viewed RENAME TO seen", .level = storage::kViewsLevel},
    {.statement =
         "CREATE MATERIALIZED VIEW kept AS SELECT v, COUNT(*) AS n FROM capable GROUP BY v",
     .in_cluster = false,
     .feature = Feature::MaterializedViews},
    {.statement = "CREATE OR REPLACE STREAM read AS SELECT * FROM shown WHERE v > 1 EMIT CHANGES",
     .level = storage::kReplacedQueriesLevel},
    {.statement = "ALTER TABLE altered ADD COLUMN w INT"},
    {.statement = "ALTER TABLE altered ADD COLUMN x INT DEFAULT 1",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRewrites,
     .difference = kRewrites},
    {.statement = "ALTER TABLE altered ALTER COLUMN v TYPE BIGINT",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRewrites,
     .difference = kRewrites},
    {.statement = "ALTER TABLE altered ALTER COLUMN v SET NOT NULL",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRewrites,
     .difference = kRewrites},
    {.statement = "ALTER TABLE altered RENAME COLUMN x TO y",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRewrites,
     .difference = kRewrites},
    {.statement = "ALTER TABLE altered DROP COLUMN v",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRewrites,
     .difference = kRewrites},
    {.statement = "CREATE OR REPLACE TABLE counted WITH (REBUILD = true) AS SELECT v, COUNT(*) AS "
                  "n, SUM(id) AS s "
                  "FROM shown GROUP BY v",
     .level = storage::kSharedSessionsLevel,
     .feature = Feature::TableRebuilds,
     .difference = "the changed rows together may have at most copy-atomic-bytes"},
    {.statement = "CREATE OR REPLACE STREAM plain AS SELECT * FROM shown",
     .feature = Feature::QueryReplacesSource,
     .difference = "other nodes still accept INSERTs into the stream for some milliseconds"},
    {.statement = "CREATE TABLE over (id SERIAL PRIMARY KEY, v INT) WITH (KAFKA_TOPIC = 'shown')",
     .in_cluster = false,
     .feature = Feature::LocalSerials},
};

// Features that a cluster has and that no statement uses.
constexpr Feature kWithoutStatement[] = {Feature::ShareGroups};

}  // namespace

std::span<const Capability> capabilities() { return kCapabilities; }

// A cluster has a feature if kCapabilities has a row for it with in_cluster, or if no statement uses the feature.
bool cluster_has(Feature feature) {
  if (std::ranges::find(kWithoutStatement, feature) != std::end(kWithoutStatement)) return true;
  return std::ranges::any_of(kCapabilities, [feature](const Capability& row) {
    return row.feature == feature && row.in_cluster;
  });
}

std::string capability_lines() {
  std::string lines =
      "| Statement | One server | Cluster | From level | Difference |\n|---|---|---|---|---|\n";
  for (const Capability& row : kCapabilities)
    lines += fmt::format(
        "| `{}` | yes | {} | {} | {} |\n", row.statement, row.in_cluster ? "yes" : "no",
        row.level > storage::kFirstLevel ? fmt::to_string(row.level.value()) : "", row.difference);
  return lines;
}

}  // namespace server
