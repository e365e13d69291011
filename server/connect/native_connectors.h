// Runs the connectors whose classes are built in. The definitions are in the metadata log, each
// task has its own thread, and the positions are in __connect_state.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/connect/batches/batch_task.h"
#include "server/connect/checked_config.h"
#include "server/connect/connect_log.h"
#include "server/connect/connect_task.h"
#include "server/connect/connector_memory.h"
#include "server/connect/connectors.h"
#include "server/connect/declarations.h"
#include "server/connect/family.h"
#include "server/connect/hosts/connect_host.h"
#include "server/connect/source_task.h"
#include "server/connect/tables/table_task.h"
#include "server/connect/webhooks/webhooks.h"
#include "server/metadata/metadata_applier.h"

namespace server {

struct NativeSettings {
  std::string files_dir;   // --connect-files; empty: file connectors are switched off
  SecretSettings secrets;  // --secrets-dir
  int max_threads = 64;    // --connect-threads
  size_t max_memory_bytes = size_t{256} << 20;  // --connect-memory: limit for all tasks together
  int32_t partitions_of_new_topic = 1;
};

// Invariants:
//    1. a connector has tasks only while its definition exists and its target is not STOPPED;
//    2. each task has at most one run at a time on this node: a new run starts only after the end
//       of the old one;
//    3. the tasks that run are those that the host runs here (ConnectHost::runs_here). In a cluster
//       definitions and leaders change on other nodes, so follow() compares the runs with them after
//       each call, and five times a second.
//
// Threads: any; a thread of this object carries out all calls in their order. Owner: the node,
// which calls stop() before the metadata thread and the log end.
class NativeConnectors final : public Connectors {
 public:
  // All arguments outlive this object.
  NativeConnectors(ConnectLog& log, ConnectHost& host, MetadataApplier& definitions,
                   const Clock& clock, MemoryBudget& memory, NativeSettings settings);
  ~NativeConnectors() override;
  // Starts the tasks of all definitions. `worker_id` is the HOST:PORT of the node. Answers to users
  // contain it.
  void start(std::string worker_id = {});
  // The figures of a task for the metrics.
  struct TaskFigures {
    std::string connector;
    int32_t task = 0;
    TaskFacts facts;
  };
  // Returns the figures of all tasks, sorted by connector. Does not wait for a call that the thread
  // is carrying out.
  std::vector<TaskFigures> figures() const;
  // Finds the webhook of a connector, for the HTTP listener. Threads: any.
  struct WebhookOf {
    bool exists = false;               // a connector of class "webhook" has the name
    std::shared_ptr<Webhook> webhook;  // null: it does not run
  };
  WebhookOf webhook(const std::string& name) const;
  // Ends all tasks. Later calls are answered with ShuttingDown.
  void stop();

  void create(ConnectorDefinition definition, Done<CreatedConnector> done) override;
  void alter(std::string name, ConnectorConfig config, Done<CreatedConnector> done) override;
  void change(std::string name, ConfigChanges changes, Done<CreatedConnector> done) override;
  void drop(std::string name, Done<std::vector<ConnectorNotice>> done) override;
  void set_state(std::string name, TargetState target, Done<void> done) override;
  void restart(std::string name, Restart what, Done<ConnectorInfo> done) override;
  void restart_task(std::string name, int32_t task, Done<void> done) override;
  void list(Done<Listed<ConnectorInfo>> done) override;
  void describe(std::string name, Done<ConnectorInfo> done) override;
  void tasks(std::string name, Done<Listed<TaskProgress>> done) override;
  void reset_topics(std::string name, Done<void> done) override;
  void offsets(std::string name, Done<std::vector<ConnectorOffset>> done) override;
  void alter_offsets(std::string name, std::vector<ConnectorOffset> offsets,
                     Done<std::string> done) override;
  void reset_offsets(std::string name, Done<std::string> done) override;
  void snapshot(std::string name, std::vector<std::string> tables, Done<void> done) override;
  void set_owner(std::string name, std::string owner, Done<void> done) override;
  void validate(ConnectorDefinition definition, Done<CheckedConfig> done) override;
  void plugins(bool connectors_only, Done<Listed<ConnectorPlugin>> done) override;
  void plugin_properties(std::string class_name,
                         Done<std::vector<PropertyDefinition>> done) override;

 private:
  using Definition = storage::ConnectorDefinitionPtr;
  // A connector and its task. `task` is null while the connector waits for a free thread, or if its
  // configuration cannot run.
  struct Run {
    Definition definition;
    std::unique_ptr<ConnectTask> task = {};
    std::optional<std::string> failure = {};  // the error of the configuration, as text
    std::string waits_for = {};
    std::string restart = {};  // ConnectHost::restart_request() at the start
  };
  struct Call {
    std::function<void()> work;
    std::function<void(Error)> refuse;
  };
  template <class T>
  void submit(Done<T> done, std::function<Result<T>()> work);
  void run();

  // The functions below run on the thread of this object.
  Result<CreatedConnector> create(const ConnectorDefinition& definition);
  // Creates the missing topics of a source, and its topic for dead letters.
  Status make_topics(const SourcePlan& plan, const UsableConfig& usable,
                     Declarations& declared) const;
  int32_t partitions_of_topics(const engine::PropertyValues& values) const;
  Status declare(const DeclaredStream& stream, const std::string& connector, Declarations& declared,
                 std::vector<ConnectorNotice>& notices);
  Result<CreatedConnector> replace(const Definition& old, ConnectorConfig config);
  Result<std::vector<ConnectorNotice>> drop(const std::string& name);
  Status set_state(const std::string& name, TargetState target);
  Result<std::vector<ConnectorOffset>> offsets(const std::string& name);
  Result<std::string> alter_offsets(const std::string& name,
                                    const std::vector<ConnectorOffset>& offsets);
  Result<std::string> reset_offsets(const std::string& name);
  Result<Definition> find(const std::string& name) const;
  Result<Definition> find_stopped(const std::string& name) const;
  // Replaces the definition `old` by `now`; null: none. Fails if another node has changed the
  // definition meanwhile.
  Status store(const std::string& name, const Definition& old, const Definition& now);
  Status write_state(const storage::ConnectorDefinition& definition,
                     std::vector<StateChange> changes);
  // Returns the changes that delete the records of the connector in __connect_state. If `kinds` is
  // not empty, only records of these kinds are deleted.
  Result<std::vector<StateChange>> deletions(const std::string& name,
                                             std::initializer_list<std::string_view> kinds);
  Result<engine::RowColumns> stored_columns(const storage::ConnectorDefinition& definition);
  void start_tasks(const Definition& definition);
  void await_webhook(const std::string& name, const ConnectTask& task) const;
  void stop_tasks(const std::string& name);
  void start_waiting();
  Result<std::unique_ptr<ConnectTask>> make_task(const Definition& definition,
                                                 const UsableConfig& usable);
  Result<SourceTaskPlan> source_plan(const Definition& definition, const UsableConfig& usable);
  BatchTaskPlan batch_plan(TaskIdentity identity, const UsableConfig& usable, SinkPlan sink);
  TableTaskPlan table_plan(TaskIdentity identity, const UsableConfig& usable, SinkPlan sink);
  // Checks that the topics of a sink exist, and that the owner may read them.
  Status check_sink_topics(const UsableConfig& usable, const std::string& owner) const;
  // Calls check_sink_topics(). Also checks that no other sink writes to the same places, and that
  // the outside system accepts writes.
  Status check_new_sink(const UsableConfig& usable, const std::string& name,
                        const std::string& owner) const;
  ConnectorOwner owner_of(const std::string& name, const std::string& owner) const;
  size_t running_threads() const;

  // Starts and ends tasks of this node after changes of definitions and leaders, and publishes the
  // states of the tasks.
  void follow();
  // Whether a run may continue with the present definition.
  bool may_continue(const storage::ConnectorDefinition& now, const Run& run) const;
  Status restart(const Definition& definition);
  // Writes the state of a new connector whose definition is stored, with its fence. If this fails,
  // removes the definition.
  Status write_fenced_state(const Definition& definition, std::vector<StateChange> changes);
  // Whether the connector has a task, which may run on another node.
  static bool has_task(const storage::ConnectorDefinition& definition) {
    return definition.target != storage::ConnectorTarget::Stopped;
  }
  ConnectorInfo info_of(const storage::ConnectorDefinition& definition) const;
  TaskProgress progress_of(const storage::ConnectorDefinition& definition) const;
  // Returns the task as statements show it.
  TaskReport report_of(const storage::ConnectorDefinition& definition) const;
  static TaskFacts facts_of_run(const Run& run);

  ConnectLog& log_;
  ConnectHost& host_;
  MetadataApplier& definitions_;
  const Clock& clock_;
  MemoryBudget& memory_;
  ConnectorMemory connector_memory_;
  const NativeSettings settings_;
  std::string worker_id_;  // set before the thread starts
  Webhooks webhooks_;
  std::vector<std::unique_ptr<ConnectorFamily>> own_families_;
  Families families_;
  // The connectors by name. Only the thread of this object changes the map, and it holds
  // runs_mutex_ meanwhile. Other threads hold runs_mutex_ to read the map.
  std::map<std::string, Run> runs_;
  mutable std::mutex runs_mutex_;

  std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable arrived_;
  std::deque<Call> calls_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace server
