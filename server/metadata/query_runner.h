// What the metadata thread needs of whoever runs queries; server/tasks supplies it.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/metadata/image.h"

namespace server {

// But for finish_removal() none of these fails: what goes wrong is a state of the query (ERROR, with the reason), and is
// tried again with back-off until it works or the query is stopped.
//
// Threads: the metadata thread, which may wait.
class QueryRunner {
 public:
  using QueryPtr = std::shared_ptr<const DefinedQuery>;
  virtual ~QueryRunner() = default;
  // What the metadata knows, at a start. The rest of what lies in the log and in the state store is
  // left from a stop between a DROP and its realisation, or from a topic that was never defined
  // after all, and is removed. Queries whose definitions cannot be read are known, too: their state
  // is kept.
  struct Known {
    std::set<Uuid> topics;  // and exchanges
    std::set<std::string> queries;
    bool is_complete = true;  // else nothing may be removed: it could belong to what is not known
  };
  virtual void remove_leftovers(const Known& known) = 0;
  // These run from now on, restored to their last durable commits. All at once is much cheaper than
  // one by one.
  virtual void start(std::vector<QueryPtr> queries) = 0;
  // Takes its tasks off the shards; what they have not made durable is forgotten. Keep::Nothing
  // also forgets their state, for good.
  enum class Keep : uint8_t { State, Nothing };
  virtual void stop(const DefinedQuery& defined, Keep keep) = 0;
  // A query of this id is about to be defined: nothing is left of one that was stopped before it.
  virtual Status finish_removal(const std::string& query_id) = 0;
  // As stop(), keeping its state, for a query that is still defined but cannot run any more.
  virtual void stop_with_error(const DefinedQuery& defined, Error why) = 0;
  virtual void pause(const std::string& query_id, bool is_paused) = 0;
  // Removes the partitions and records of a topic that is not defined any more.
  virtual void drop_topic(const Uuid& topic) = 0;
};

}  // namespace server
