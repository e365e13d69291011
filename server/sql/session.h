// One client's session with the engine: the PostgreSQL front end's port, over the node.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/random.h"
#include "engine/functions/kernel.h"
#include "engine/plan/analysis.h"
#include "engine/query/pull.h"
#include "engine/system_tables/information.h"
#include "server/metadata/metadata_applier.h"
#include "server/sql/port.h"
#include "server/sql/row_buffer.h"
#include "server/sql/session_settings.h"
#include "server/sql/settings.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/query_tasks.h"
#include "server/tasks/shard.h"

namespace server {

// What sessions share. All of it outlives them.
struct SqlParts {
  storage::Log& log;
  MetadataApplier& definitions;
  QueryTasks& queries;
  const QuerySupervisor& supervisor;
  const Clock& clock;
  const SqlSettings& settings;
  std::function<std::vector<engine::ServerFact>()> server_facts;  // any thread
};

// The ends of what a session has written, by partition: its look-ups wait until the tables have
// passed them.
using SessionWrites = std::map<engine::PartitionRef, Offset>;

// A statement, analysed: the text is planned again when it runs, because its parameters then have
// values and the image may have changed. A look-up without parameters keeps its plan.
struct SqlPrepared final : sql::Prepared {
  enum class Action : uint8_t { Define, Insert, Constant, Pull, StreamToEnd, Push, Information };
  std::shared_ptr<const engine::ParsedStatement> statement;
  Action action = Action::Define;
  // The plan of a look-up, good for this image and these properties; null when it must be made
  // anew.
  std::shared_ptr<const engine::PullPlan> pull;
  Revision revision;
  engine::Properties properties;
};

// Threads: the shard's loop. Owner: the front end's session.
class SqlSession final : public sql::SessionBackend {
 public:
  SqlSession(SqlParts& parts, Shard& shard, const sql::SessionSettings& settings,
             MemoryAccount* memory = nullptr);
  ~SqlSession() override;

  Result<std::shared_ptr<const sql::Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types) override;
  Result<std::unique_ptr<sql::Execution>> start(
      const std::shared_ptr<const sql::Prepared>& prepared, std::vector<engine::Value> parameters,
      sql::Receiver& receiver) override;
  Result<std::unique_ptr<sql::CopyIn>> begin_copy(const sql::CopyTarget& target,
                                                  sql::CopyReceiver& receiver) override;
  void begin() override;
  std::unique_ptr<sql::Execution> commit(sql::Receiver& receiver) override;
  void rollback() override;
  Status check_setting(const std::string& name, const std::string& value) override;

  // --- For the executions of this session.
  SqlParts& parts() { return parts_; }
  Shard& shard() { return shard_; }
  engine::EvalContext eval() { return {parts_.clock, random_, &properties_}; }
  engine::Properties properties() const;
  bool in_transaction() const { return in_transaction_; }
  const SessionWrites& written() const { return written_; }
  void note_written(const std::vector<storage::AppendedBatch>& batches);
  // The transaction's buffer for a source.
  Result<RowBuffer*> held_rows(const std::shared_ptr<const engine::DataSource>& source);
  // After rows were added to one of those buffers: whether the transaction may hold so much. After
  // an error the buffers are gone.
  Status check_held_rows();
  MemoryAccount* memory() { return memory_; }
  Result<std::unique_ptr<RowBuffer>> make_buffer(
      const std::shared_ptr<const engine::DataSource>& source) const;
  int64_t setting_ms(const std::string& name, int64_t otherwise) const;

 private:
  Status prepare_query(const engine::Query& query, const engine::PlanContext& context,
                       SqlPrepared& out);
  Status prepare_insert(const engine::InsertValues& insert, const MetadataImage& image,
                        SqlPrepared& out) const;
  Result<std::shared_ptr<const engine::PullPlan>> pull_plan(const SqlPrepared& prepared,
                                                            const engine::Query& query,
                                                            const MetadataImage& image,
                                                            const engine::PlanContext& context);
  engine::PlanContext context_for(const MetadataImage& image, const engine::Topics& topics,
                                  std::vector<engine::ParameterSlot>* parameters);

  SqlParts& parts_;
  Shard& shard_;
  const sql::SessionSettings& settings_;
  Random random_;
  engine::Properties properties_;
  SessionWrites written_;
  bool in_transaction_ = false;
  std::map<std::string, std::unique_ptr<RowBuffer>> held_;  // by source, while in a transaction
  MemoryAccount* const memory_;
  MemoryCharge held_charge_{memory_, MemoryKind::Copy};
};

class SqlBackend final : public sql::Backend {
 public:
  SqlBackend(SqlParts& parts, Shard& shard) : parts_(parts), shard_(shard) {}
  Result<std::unique_ptr<sql::SessionBackend>> open_session(
      const sql::SessionInfo& info, const sql::SessionSettings& settings) override;

 private:
  SqlParts& parts_;
  Shard& shard_;
};

// A name as PostgreSQL users read it: wholly upper-case ones in lower case.
std::string display_name(const std::string& name);
std::vector<sql::ResultColumn> display_columns(const engine::Schema& schema);

}  // namespace server
