// What the metadata thread needs of whoever runs queries; server/tasks supplies it.
#pragma once
#include <cstdint>
#include <string>

#include "server/metadata/image.h"

namespace server {

// Threads: the metadata thread, which may wait.
class QueryRunner {
 public:
  virtual ~QueryRunner() = default;
  // Builds all tasks of the query, restored to their last durable commit. An error is that of the
  // query, not of the node.
  virtual Status start(const DefinedQuery& defined) = 0;
  // Takes its tasks off the shards; what they have not made durable is forgotten. Keep::Nothing
  // also forgets their state, for good.
  enum class Keep : uint8_t { State, Nothing };
  virtual void stop(const DefinedQuery& defined, Keep keep) = 0;
  virtual void pause(const std::string& query_id, bool is_paused) = 0;
  // After a task of it has failed: builds its tasks anew from what is durable. For a while they
  // take one record at a time, so that everything before the bad record is committed; if one fails
  // then (`was_careful`), the query stays in state ERROR. Fails like start().
  virtual Status rebuild(const DefinedQuery& defined, const Error& error, bool was_careful) = 0;
};

}  // namespace server
