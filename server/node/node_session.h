// One client's session with the engine: the PostgreSQL front end's port, over the node.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/functions/kernel.h"
#include "engine/plan/analysis.h"
#include "engine/query/pull.h"
#include "server/node/definitions.h"
#include "server/node/row_buffer.h"
#include "server/node/settings.h"
#include "server/node/shard.h"
#include "server/pg/backend.h"
#include "server/pg/settings.h"

namespace server {

// What sessions share. All of it outlives them.
struct NodeParts {
  storage::Log& log;
  Definitions& definitions;
  Queries& queries;
  const Clock& clock;
  const NodeSettings& settings;
};

// The ends of what a session has written, by partition: its look-ups wait until the tables have
// passed them.
using WrittenEnds = std::map<engine::PartitionRef, Offset>;

// A statement, analysed: the text is planned again when it runs, because its parameters then have
// values and the world may have changed. A look-up without parameters keeps its plan.
struct NodePrepared final : pg::Prepared {
  enum class Action : uint8_t { Define, Insert, Constant, Pull, StreamToEnd, Push, Information };
  std::shared_ptr<const engine::ParsedStatement> statement;
  Action action = Action::Define;
  // The plan of a look-up, good for this world and these properties; null when it must be made
  // anew.
  std::shared_ptr<const engine::PullPlan> pull;
  Revision revision;
  engine::Properties properties;
};

// Threads: the shard's loop. Owner: the front end's session.
class NodeSession final : public pg::SessionBackend {
 public:
  NodeSession(NodeParts& parts, Shard& shard, const pg::SessionSettings& settings);
  ~NodeSession() override;

  Result<std::shared_ptr<const pg::Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types) override;
  Result<std::unique_ptr<pg::Execution>> start(const std::shared_ptr<const pg::Prepared>& prepared,
                                               std::vector<engine::Value> parameters,
                                               pg::Receiver& receiver) override;
  Result<std::unique_ptr<pg::CopyIn>> begin_copy(const pg::CopyTarget& target,
                                                 pg::CopyReceiver& receiver) override;
  void begin() override;
  std::unique_ptr<pg::Execution> commit(pg::Receiver& receiver) override;
  void rollback() override;
  Status check_setting(const std::string& name, const std::string& value) override;

  // --- For the executions of this session.
  NodeParts& parts() { return parts_; }
  Shard& shard() { return shard_; }
  engine::EvalContext eval() { return {parts_.clock, random_, &properties_}; }
  engine::Properties properties() const;
  bool in_transaction() const { return in_transaction_; }
  const WrittenEnds& written() const { return written_; }
  void note_written(const std::vector<storage::AppendedBatch>& batches);
  // The transaction's buffer for a source.
  Result<RowBuffer*> held_rows(const std::shared_ptr<const engine::DataSource>& source);
  Result<std::unique_ptr<RowBuffer>> make_buffer(
      const std::shared_ptr<const engine::DataSource>& source) const;
  int64_t setting_ms(const std::string& name, int64_t otherwise) const;

 private:
  Status prepare_query(const engine::Query& query, const engine::PlanContext& context,
                       NodePrepared& out);
  Status prepare_insert(const engine::InsertValues& insert, const World& world,
                        NodePrepared& out) const;
  Result<std::shared_ptr<const engine::PullPlan>> pull_plan(const NodePrepared& prepared,
                                                            const engine::Query& query,
                                                            const World& world,
                                                            const engine::PlanContext& context);
  engine::PlanContext context_for(const World& world, const engine::Topics& topics,
                                  std::vector<engine::ParameterSlot>* parameters);

  NodeParts& parts_;
  Shard& shard_;
  const pg::SessionSettings& settings_;
  Random random_;
  engine::Properties properties_;
  WrittenEnds written_;
  bool in_transaction_ = false;
  std::map<std::string, std::unique_ptr<RowBuffer>> held_;  // by source, while in a transaction
  friend class StatementRun;
};

class NodeBackend final : public pg::Backend {
 public:
  NodeBackend(NodeParts& parts, Shard& shard) : parts_(parts), shard_(shard) {}
  Result<std::unique_ptr<pg::SessionBackend>> open_session(
      const pg::SessionInfo& info, const pg::SessionSettings& settings) override;

 private:
  NodeParts& parts_;
  Shard& shard_;
};

// A name as PostgreSQL users read it: wholly upper-case ones in lower case.
std::string display_name(const std::string& name);
std::vector<pg::ResultColumn> display_columns(const engine::Schema& schema);

}  // namespace server
