// The server that runs tasks of connectors, as the tasks and NativeConnectors see it: which tasks
// it runs, and where the states of tasks are kept. ConnectLog writes the commits of the tasks.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/connect/classes.h"
#include "engine/connect/properties.h"
#include "server/connect/connect_log.h"
#include "server/connect/hosts/task_facts.h"
#include "storage/meta/connectors.h"

namespace server {

// A task as users see it.
struct TaskReport {
  TaskFacts facts;
  std::string worker;  // HOST:PORT of the node that runs the task; empty: not known
};

// A lone node runs all tasks (LocalConnectHost). A node of a cluster runs some of them, and another
// node may have run them before (cluster/member_connect_host.h, docs/adr/0161).
//
// Threads: requires_fence() and changed_state() any; all other functions the thread of
// NativeConnectors. Owner: the node. A host outlives NativeConnectors.
class ConnectHost {
 public:
  virtual ~ConnectHost() = default;

  // Checks that this server can run the connector. Fails with NotSupported if no server of this
  // kind runs the class, and with InvalidParameter if the configuration does not name this node as
  // a place of its files. The hint names what to write instead.
  virtual Status check(const engine::ConnectorClass& of,
                       const engine::PropertyValues& values) const = 0;

  // Reads what other nodes have written to __connect_state since the last call. Called before each
  // statement about connectors, and five times a second.
  virtual void refresh() = 0;
  // Whether this node runs the task of the connector, as of the last refresh().
  virtual bool runs_here(const storage::ConnectorDefinition& definition) const = 0;

  // Whether a task runs only while __connect_state has the record engine::commit_key() with the id
  // of its connector (the fence), and ends when another task has written this record. CREATE
  // CONNECTOR then writes the record after it has stored the definition. Otherwise each task that
  // starts is the newest one, and a task that finds a newer record starts again by itself.
  virtual bool requires_fence() const = 0;
  // Returns the changes of the state that fence all runs of the task so far; none if no other run
  // can exist. Waits for the store.
  virtual Result<std::vector<StateChange>> fence(
      const storage::ConnectorDefinition& definition) const = 0;
  // Returns the changes of the state with which DROP CONNECTOR ends a run on another node.
  virtual std::vector<StateChange> end_of_fence(const std::string& connector) const = 0;

  // Requests the restart of a task from the node that runs it. A caller that has a run of the task
  // restarts it itself. Waits until the request is durable.
  virtual Status request_restart(const storage::ConnectorDefinition& definition) = 0;
  // Returns the newest request, as of the last refresh(); empty: none. A run that began before the
  // request must restart.
  virtual std::string restart_request(const std::string& connector) const = 0;

  // Called by a task when its state changes.
  virtual void changed_state(const storage::ConnectorDefinition& definition, int32_t task,
                             ConnectorState state, const std::string& trace) = 0;
  // Called five times a second with each task that this node runs.
  virtual void publish(const storage::ConnectorDefinition& definition, const TaskReport& own) = 0;
  // Returns the task as statements on all nodes show it. `own` is the task as this node knows it.
  virtual TaskReport shown(const storage::ConnectorDefinition& definition,
                           TaskReport own) const = 0;
};

}  // namespace server
