// The interface through which the metadata thread runs queries; server/tasks implements it.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/metadata/image.h"

namespace server {

// Only finish_removal() can fail. If any other method fails, the query gets the state ERROR with
// the reason, and the work is retried at growing intervals until it succeeds or the query is
// stopped.
//
// Threads: the metadata thread, which may wait.
class QueryRunner {
 public:
  using QueryPtr = std::shared_ptr<const DefinedQuery>;
  virtual ~QueryRunner() = default;
  // All objects in the metadata when the server starts. remove_leftovers() removes all other data
  // in the log and in the state store. Such data remain if the server stopped after a DROP and
  // before it had removed the data, or if the definition of a topic failed. Queries with unreadable
  // definitions are included here, so that their state is kept.
  struct Known {
    std::set<Uuid> topics;  // topics, including exchanges
    std::set<std::string> queries;
    bool is_complete = true;  // false: objects may be missing, so nothing is removed
  };
  virtual void remove_leftovers(const Known& known) = 0;
  // Runs these queries, restored to their last durable commits. One call for all is much cheaper
  // than one call each.
  virtual void start(std::vector<QueryPtr> queries) = 0;
  // Removes the query's tasks from the shards. State that no commit contains yet is discarded; a restart computes it
  // again from the input. Keep::Nothing also deletes the durable state.
  enum class Keep : uint8_t { State, Nothing };
  virtual void stop(const DefinedQuery& defined, Keep keep) = 0;
  // Called before a query with this id is created: removes the data of an earlier query with the
  // same id, if some of them still exist.
  virtual Status finish_removal(const std::string& query_id) = 0;
  // Stops a query that is still defined but can no longer run, and keeps its state.
  virtual void stop_with_error(const DefinedQuery& defined, Error why) = 0;
  virtual void pause(const std::string& query_id, bool is_paused) = 0;
  // Removes the partitions and records of a topic that the metadata no longer have.
  virtual void drop_topic(const Uuid& topic) = 0;
};

}  // namespace server
