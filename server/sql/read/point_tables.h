// Look-ups of one row that are answered where they are asked: on the loop of the session, whichever loop has the task
// that keeps the row (docs/adr/0065).
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

// The tables that a session looks rows up in, as the tasks that keep them share them.
//
// Threads: the session's loop. Owner: the session.
class PointTables {
 public:
  explicit PointTables(SqlSession& session);

  // The answer, which has been given to `receiver`. Null where there is something to wait for, to tell or to find out:
  // then the look-up goes to the tasks, as any other does.
  Result<std::unique_ptr<sql::Execution>> answer(const SqlPrepared& prepared,
                                                 std::span<const engine::Value> parameters,
                                                 sql::Receiver& receiver);

 private:
  struct Target {
    DefinedQueryPtr query;                                     // that keeps the table
    std::vector<std::shared_ptr<engine::SharedTable>> tables;  // of each of its tasks
    std::optional<Uuid> topic;  // of a table that shows what was written to its topic
    // The value of QuerySupervisor::changes() at which the queries behind it ran, and it had caught up with them.
    std::optional<uint64_t> healthy_at = {};
  };
  Target* find_target(const MetadataImage& image,
                      const std::shared_ptr<const engine::DataSource>& table);
  bool is_ready(Target& target, const MetadataImage& image) const;
  bool is_healthy(const Target& target, const MetadataImage& image) const;
  // None, or the one row; nothing where a task must be asked.
  Result<std::optional<engine::Batch>> find(const Target& target, const std::string& key,
                                            const engine::EvalContext& eval) const;

  SqlSession& session_;
  Random random_;
  Revision revision_;  // of the image that the targets are of
  absl::flat_hash_map<const engine::DataSource*, Target> targets_;
};

}  // namespace server
