// Looks up single rows on the loop of the session, even if the task that keeps the row belongs to
// another loop (docs/adr/0065).
#pragma once
#include <absl/container/flat_hash_map.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "engine/query/point_look_up.h"
#include "engine/query/shared_table.h"
#include "server/metadata/image.h"
#include "server/sql/port.h"

namespace server {

class SqlSession;
struct SqlPrepared;

// The tables in which a session looks up single rows. The tasks that keep the tables share them
// with the session.
//
// Threads: the session's loop. Owner: the session.
class PointTables {
 public:
  explicit PointTables(SqlSession& session);

  // Passes the answer to `receiver` and returns an execution that has already ended. If the look-up
  // has to wait, to send a warning or to ask a task, returns null, and the caller uses
  // PullExecution.
  Result<std::unique_ptr<sql::Execution>> answer(const SqlPrepared& prepared,
                                                 std::span<const engine::Value> parameters,
                                                 sql::Receiver& receiver);

 private:
  struct Target {
    // the query that materializes the table
    DefinedQueryPtr query;
    std::vector<std::shared_ptr<engine::SharedTable>> tables;  // one for each task
    std::optional<Uuid> topic;                                 // set for a table over a topic
    // The value of QuerySupervisor::changes() at the last successful check. A check succeeds if all
    // queries that feed the table run, and the table has caught up with them. Unset before the
    // first success.
    std::optional<uint64_t> healthy_at = {};
  };
  Target* find_target(const MetadataImage& image,
                      const std::shared_ptr<const engine::DataSource>& table);
  bool is_ready(Target& target, const MetadataImage& image) const;
  bool is_healthy(const Target& target, const MetadataImage& image) const;
  // Returns a batch with at most one row. Returns nothing if only the task can answer.
  Result<std::optional<engine::Batch>> find(const Target& target, const std::string& key,
                                            const engine::EvalContext& eval) const;

  SqlSession& session_;
  Random random_;
  Revision revision_;  // revision of the image that the targets belong to
  absl::flat_hash_map<const engine::DataSource*, Target> targets_;
};

}  // namespace server
