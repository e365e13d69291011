// One client's session with the engine. Implements sql::SessionBackend, the interface of the front
// ends, with the parts of the node.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "engine/system_tables/information.h"
#include "server/locks/named_locks.h"
#include "server/locks/table_locks.h"
#include "server/metadata/metadata_applier.h"
#include "server/sql/cluster_topics.h"
#include "server/sql/planner.h"
#include "server/sql/port.h"
#include "server/sql/read/caught_up.h"
#include "server/sql/read/committed_ends.h"
#include "server/sql/read/held_rows.h"
#include "server/sql/read/point_tables.h"
#include "server/sql/serial/sequence_numbers.h"
#include "server/sql/serial/serial_numbers.h"
#include "server/sql/serial/session_sequences.h"
#include "server/sql/session_settings.h"
#include "server/sql/settings.h"
#include "server/sql/statement_workers.h"
#include "server/sql/temporary_tables.h"
#include "server/sql/write/row_buffer.h"
#include "server/sql/write/write_fence.h"
#include "server/tasks/query_supervisor.h"
#include "server/tasks/query_tasks.h"
#include "server/tasks/shard.h"

namespace server {

class Connectors;
class KafkaAdmin;
class Links;

// Counts one open query of the session and of the server, from its construction to its destruction. A query is open
// while it runs, or while not all of its rows are fetched: it then occupies a scan or a task, whose number is limited.
class OpenStatement {
 public:
  OpenStatement() = default;  // an object that counts no statement
  OpenStatement(size_t& of_session, std::atomic<size_t>& of_server)
      : of_session_(&of_session), of_server_(&of_server) {
    ++of_session;
    ++of_server;
  }
  ~OpenStatement() {
    if (!of_session_) return;
    --*of_session_;
    --*of_server_;
  }
  OpenStatement(OpenStatement&& other) noexcept { *this = std::move(other); }
  OpenStatement& operator=(OpenStatement&& other) noexcept {
    std::swap(of_session_, other.of_session_);
    std::swap(of_server_, other.of_server_);
    return *this;
  }

 private:
  size_t* of_session_ = nullptr;
  std::atomic<size_t>* of_server_ = nullptr;
};

class Barriers;
class Surveys;

// The objects that all sessions share. They outlive the sessions.
struct SqlParts {
  storage::Log& log;
  MemoryBudget& memory;
  MetadataApplier& definitions;
  QueryTasks& queries;
  const QuerySupervisor& supervisor;
  const Clock& clock;
  const SqlSettings& settings;
  StatementWorkers& workers;
  std::function<std::vector<engine::ServerFact>()> server_facts;  // called on any thread
  // The consumer groups of all nodes. A node in `incomplete` has not reported all of its groups.
  // consumer_groups() may be called, and may answer, on any thread.
  struct Groups {
    std::vector<engine::ConsumerGroup> groups = {};
    std::set<NodeId> incomplete = {};
  };
  using GroupsDone = std::function<void(Groups)>;
  std::function<void(GroupsDone)> consumer_groups = {};
  std::atomic<size_t> open_statements = 0;  // number of open statements in all sessions
  WriteFence fence = {};
  SerialNumbers serials = {};
  CommittedEnds committed_ends = CommittedEnds(log);
  CaughtUp caught_up = {};
  // locks of statements that change rows after reading them, by the name of the topic
  TableLocks turns = {};
  // locks of writers, and of readers until their scans begin, by the id of the topic
  TableLocks commits = {};
  SequenceReserves sequences = SequenceReserves(definitions);
  std::unique_ptr<ClusterTopics> cluster = {};  // set before the first session
  Connectors* connectors = nullptr;             // outlives the sessions; null: no connectors
  Links* links = nullptr;                       // outlives the sessions; null: no links
  KafkaAdmin* kafka_admin = nullptr;            // outlives the sessions
  std::shared_ptr<Surveys> surveys = {};        // set before the first session
  std::shared_ptr<Barriers> barriers = {};      // set before the first session
  std::shared_ptr<const engine::SampleHistory> history = {};  // null: none is kept
  std::shared_ptr<const engine::AuditTrail> audit = {};       // null: the server has no console
  // The locks of FOR UPDATE, over the sessions of all nodes. Set before the first session.
  std::shared_ptr<NamedLocks> locks = std::make_shared<LocalLocks>();
};

// For each partition, the end of the rows that this session has written. The look-ups of the
// session wait until the tables contain the records before these ends.
using SessionWrites = std::map<engine::PartitionRef, Offset>;

// The table locks that a writer holds, by topic name. A lock is the exclusive right to run statements that read rows of
// a table and then change them. No other session runs such a statement for the table until the last copy of the
// TableLocks::Hold is destroyed.
using WriterTurns = std::map<std::string, TableLocks::Hold>;

// The shards that hold rows of a table, and the number of its tasks.
struct MaterializerPlaces {
  std::shared_ptr<const DefinedQuery> query;
  Revision revision;
  size_t tasks = 0;
  std::vector<Shard*> shards;
};

// The state of undoing a transaction's definitions, which happens on the metadata thread.
struct Undoing {
  bool is_done = false;
  std::function<void()> told = {};  // called when the undo is done, for a waiting execution
};

// Threads: the shard's loop. Owner: the front end's session.
class SqlSession final : public sql::SessionBackend {
 public:
  SqlSession(SqlParts& parts, Shard& shard, const sql::SessionSettings& settings,
             MemoryAccount* memory = nullptr, Asker asker = {}, std::string database = {},
             std::string user = {}, size_t* open_queries = nullptr);
  ~SqlSession() override;

  // Sets whether the session refuses statements that change something, and the callback that is
  // called when such a statement ends.
  void set_access(bool is_read_only, sql::ChangeAudit on_change) {
    is_read_only_ = is_read_only;
    on_change_ = std::move(on_change);
  }

  Result<std::shared_ptr<const sql::Prepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types) override;
  Preparation preparation(std::shared_ptr<const engine::ParsedStatement> statement,
                          std::span<const engine::SqlType> parameter_types) override;
  bool takes_long(const engine::ParsedStatement& statement) const override;
  std::unique_ptr<sql::Errand> run_aside(size_t bytes, Work work,
                                         std::function<void()> done) override;
  Result<std::unique_ptr<sql::Execution>> start(
      const std::shared_ptr<const sql::Prepared>& prepared, std::vector<engine::Value> parameters,
      sql::Receiver& receiver) override;
  // Starts a statement as a part of another one. The audit gets only one entry for both.
  Result<std::unique_ptr<sql::Execution>> start_part(
      const std::shared_ptr<const sql::Prepared>& prepared, std::vector<engine::Value> parameters,
      sql::Receiver& receiver);
  Status check_columns(const sql::Prepared& prepared) override;
  bool is_current(const sql::Prepared& prepared) const override;
  Result<bool> answer_at_hand(const sql::Prepared& look_up,
                              std::span<const engine::Value> parameters,
                              sql::Receiver& receiver) override;
  std::unique_ptr<sql::Execution> start_entity(
      const std::shared_ptr<const engine::ParsedStatement>& statement,
      sql::Receiver& receiver) override;
  Result<std::unique_ptr<sql::CopyIn>> begin_copy(const sql::CopyTarget& target,
                                                  sql::CopyReceiver& receiver) override;
  void begin(Begun by) override;
  std::unique_ptr<sql::Execution> commit(sql::Receiver& receiver) override;
  std::unique_ptr<Savepoint> savepoint() override;
  DryRun dry_run(std::vector<std::shared_ptr<const engine::ParsedStatement>> statements) override;
  Status rollback_to(const Savepoint& savepoint) override;
  void rollback() override;
  std::unique_ptr<sql::Execution> await_rollback(sql::Receiver& receiver) override;
  void discard_temporary() override;
  void forget_sequences() override { sequences_->forget(); }
  Status check_setting(const std::string& name, const std::string& value) override;
  Status check_property(const std::string& name, const std::string& value) override;
  bool speaks_ksqldb() const override;
  std::optional<engine::SqlType> type_of_oid(uint32_t number) const override;

  // --- Used by the executions of this session.
  SqlParts& parts() { return parts_; }
  Shard& shard() { return shard_; }
  engine::Properties properties() const;
  const std::map<std::string, std::string>& variables() const { return settings_.variables(); }
  bool in_transaction() const { return in_transaction_; }
  // Returns whether a transaction that the client began with BEGIN is open.
  bool in_transaction_of_client() const { return in_transaction_ && begun_ == Begun::ByClient; }
  // Returns the transaction to which definitions of this session belong; null outside of a
  // transaction.
  DefiningTransactionPtr defining_transaction();
  const SessionWrites& written() const { return written_; }
  void note_written(const std::vector<storage::AppendedBatch>& batches);
  // Returns whether all tasks of the query have processed everything that this session has written,
  // according to an earlier read of this session.
  bool has_passed(const std::shared_ptr<const DefinedQuery>& query) const {
    return passed_.contains(query);
  }
  const MaterializerPlaces& places_of(const std::shared_ptr<const DefinedQuery>& materializer,
                                      const MetadataImage& image);
  void note_passed(std::shared_ptr<const DefinedQuery> query) { passed_.insert(std::move(query)); }
  // Returns the offsets up to which the current statement has read the rows that it changes. Empty
  // unless ClusterTopics::asks_leaders() returns true.
  const ReadEnds& read_ends() const { return read_ends_; }
  void note_read(ReadEnds ends) { read_ends_ = std::move(ends); }
  // Records that the transaction holds back rows of this topic, and that these rows were computed from rows which it
  // has read (UPDATE, for example). They must not be written if another session changes the read rows meanwhile.
  void note_held_read(const Uuid& topic);
  // Returns the transaction's buffer for a source.
  Result<RowBuffer*> held_rows(const std::shared_ptr<const engine::DataSource>& source);
  TemporaryTables& temporary() { return temporary_; }
  const TemporaryTables& temporary() const { return temporary_; }
  // Returns true at the first call for a query: a session gets one warning about its late records.
  bool may_warn_of_late_records(const std::string& query_id) {
    return warned_late_.insert(query_id).second;
  }
  const WriterTurns& turns() const { return turns_; }
  bool has_turn(const std::string& topic) const { return turns_.contains(topic); }
  void take_turn(const std::set<std::string>& topics, const TableLocks::Hold& hold) {
    for (const std::string& topic : topics) turns_[topic] = hold;
  }
  // Returns whether the session has the lock of FOR UPDATE on the table. This lock excludes
  // sessions of other nodes. It is stored in turns_, together with the table locks.
  bool has_row_lock(const std::string& topic) const { return turns_.contains(row_lock(topic)); }
  void take_row_lock(const std::string& topic, const NamedLocks::HoldPtr& hold) {
    turns_[row_lock(topic)] = hold;
    row_locks_.push_back(hold);
  }
  // Returns the key of the lock in turns_. No topic can have this name.
  static std::string row_lock(const std::string& topic) { return "rows:" + topic; }
  // Removes the table locks from the session and returns them. An append in progress may keep a
  // copy a little longer.
  WriterTurns take_turns();
  void give_up_turns() { take_turns(); }
  // Starts a SELECT on which a write depends. It sees all rows in the topics, including those of
  // Kafka producers.
  Result<std::unique_ptr<sql::Execution>> start_for_change(const std::string& text,
                                                           sql::Receiver& receiver);
  // Starts a statement that has waited for its table locks.
  Result<std::unique_ptr<sql::Execution>> start_in_turn(
      const std::shared_ptr<const SqlPrepared>& prepared, std::vector<engine::Value> parameters,
      sql::Receiver& receiver) {
    return start_unbounded(prepared, std::move(parameters), receiver);
  }
  // Finds the table or stream into which a statement writes; null if the name is unknown.
  std::shared_ptr<const engine::DataSource> find_source(const MetadataImage& image,
                                                        const engine::Name& name) const;
  // Whether the transaction holds rows of the source that no other session sees yet.
  bool holds(const std::string& source) const {
    const auto found = held_.find(source);
    return found != held_.end() && found->second && found->second->rows() > 0;
  }
  // Drops the held rows of a table that the transaction has dropped.
  void forget_held(const std::string& source) { held_.erase(source); }
  // Returns the rows that the transaction holds for this table. Call it only if holds() returns
  // true. Fails with ObjectState if the table was emptied or recreated after the rows were written.
  Result<HeldBatches> held_batches(const engine::DataSource& table, const Uuid& topic);
  // Checks the size limit of the transaction. Called after rows were added to a buffer of
  // held_rows(). After an error all held rows are dropped.
  Status check_held_rows();
  MemoryAccount* memory() { return memory_; }
  const std::shared_ptr<SessionSequences>& sequences() const { return sequences_; }
  const Asker& asker() const { return asker_; }
  // The database name that the client gave. The server has only one database.
  const std::string& database() const { return database_; }
  // The user name that the client gave, authenticated or not.
  const std::string& user() const { return user_; }
  // Fails with InvalidAuthorization if the authenticated user no longer exists.
  Status check_asker() const;
  Result<std::unique_ptr<RowBuffer>> make_buffer(
      const std::shared_ptr<const engine::DataSource>& source) const;
  // Runs a planned statement.
  Result<std::unique_ptr<sql::Execution>> run(PlannedStatement planned, StatementBegun begun,
                                              MetadataImagePtr image, sql::Receiver& receiver);
  // Appends the rows of an INSERT, or holds them until its transaction ends (RowBuffer).
  Result<std::unique_ptr<sql::Execution>> write(InsertRows insert, sql::Receiver& receiver);
  // Plans and runs a statement again. The statement is already counted as open.
  Result<std::unique_ptr<sql::Execution>> start_again(StatementBegun begun,
                                                      sql::Receiver& receiver);
  int64_t setting_ms(const std::string& name, int64_t otherwise) const;
  // Whether the session reads the tables of queries at barriers (read.consistency = 'prefix').
  bool reads_prefix() const;
  // The time limits for the waits of a read. read_wait_ms() is the limit for tables that make no
  // progress (read.wait.ms of the session, or the server's default). open_wait_ms() is the limit
  // for the end of an open transaction.
  int64_t read_wait_ms() const;
  int64_t open_wait_ms() const;
  std::unique_ptr<Planner> planner() const;

 private:
  // Fails if the target can no longer be read. Also fails if another session has created it in a
  // transaction that is still open, because rolling that transaction back would drop the target
  // with the rows.
  Status check_is_read(const MetadataImage& image, const engine::DataSource& target) const;
  std::shared_ptr<const engine::DataSource> written_table(const SqlPrepared& prepared,
                                                          const MetadataImage& image) const;
  // Whether the statement may have to wait until numbers of a sequence are reserved.
  bool takes_numbers(const SqlPrepared& prepared, const MetadataImage& image) const;
  // Returns the topics of the tables for which the statement needs the table lock.
  std::set<std::string> topics_in_turn(const SqlPrepared& prepared,
                                       const MetadataImage& image) const;
  // Returns the topics of the tables whose rows the statement locks.
  std::set<std::string> topics_with_row_locks(const SqlPrepared& prepared,
                                              const MetadataImage& image) const;
  // Returns whether this transaction may have lost a lock of FOR UPDATE to another node.
  bool has_lost_row_lock() const;
  Status check_supported(const SqlPrepared& prepared) const;
  TemporaryTables no_temporary_tables() const;
  Status check_not_anothers(const engine::Statement& statement, const MetadataImage& image) const;
  // Returns a newly prepared statement if definitions have changed since `prepared` was prepared,
  // and otherwise `prepared`.
  Result<std::shared_ptr<const SqlPrepared>> renewed(
      const std::shared_ptr<const SqlPrepared>& prepared, const MetadataImage& image) const;
  // Counts a further statement as open. Fails with TooManyStatements if the limit of open
  // statements is reached.
  Result<OpenStatement> open_statement();
  Result<std::unique_ptr<sql::Execution>> start_unbounded(
      const std::shared_ptr<const SqlPrepared>& prepared, std::vector<engine::Value> parameters,
      sql::Receiver& receiver);

  SqlParts& parts_;
  Shard& shard_;
  const sql::SessionSettings& settings_;
  SessionWrites written_;
  // The queries that have processed all of written_; emptied by a write.
  std::set<std::shared_ptr<const DefinedQuery>> passed_;
  std::set<std::string> warned_late_;  // ids of queries
  MaterializerPlaces last_places_;     // the result of the last places_of()
  PointTables point_tables_{*this};
  TemporaryTables temporary_ = no_temporary_tables();
  WriterTurns turns_;  // held until the transaction or the single statement ends
  std::vector<std::weak_ptr<NamedLocks::Hold>> row_locks_;  // the locks of FOR UPDATE among turns_
  bool in_transaction_ = false;
  Begun begun_ = Begun::ByClient;
  DefiningTransactionPtr defining_;                  // set with the first definition
  std::optional<TemporaryTables> temporary_before_;  // set with the first definition, for rollback
  std::shared_ptr<Undoing> undoing_;                 // the undo of the last transaction
  size_t own_open_statements_ = 0;
  // The counter of this session, or the counter that all sessions of the client share.
  size_t& open_statements_;
  // buffered rows of the open transaction, by the name of the table or stream
  std::map<std::string, std::unique_ptr<RowBuffer>> held_;
  ReadEnds read_ends_;
  // for the topics of held_: the lowest offset up to which any statement has read each partition
  ReadEnds held_read_ends_;
  MemoryAccount* const memory_;
  const Asker asker_;
  const uint64_t incarnation_;  // the incarnation of the user at login
  bool is_read_only_ = false;
  sql::ChangeAudit on_change_;  // null: changes are not audited
  MemoryCharge held_charge_{memory_, MemoryKind::Copy};
  const std::string database_, user_;
  // Shared, since statements on other threads may outlive the session.
  const std::shared_ptr<SessionSequences> sequences_ = std::make_shared<SessionSequences>(
      parts_.sequences, parts_.serials, parts_.log, parts_.definitions, asker_);
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

}  // namespace server
