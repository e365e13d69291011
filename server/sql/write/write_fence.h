// Blocks SQL writers of a table while the table's rows are copied to another topic.
#pragma once
#include <memory>
#include <set>
#include <shared_mutex>

#include "base/result.h"
#include "base/uuid.h"
#include "storage/log/requests.h"

namespace server {

// Each append of an SQL writer runs within pass(), which fails with ObjectState if the topic is
// fenced. So when close() returns, every append that has passed is already in the queue of the log.
//
// Threads: any. Owner: SqlParts.
class WriteFence {
 public:
  using Hold = std::shared_ptr<void>;  // the topic is fenced until the last copy is destroyed
  // Fences the topic. Returns null if the topic is already fenced.
  Hold close(const Uuid& topic);

  template <class Append>
  Result<bool> pass(const storage::AppendRequest& request, Append append) {
    const std::shared_lock lock(mutex_);
    for (const auto& part : request.parts)
      if (!closed_.empty() && closed_.contains(part.partition.topic)) return refusal();
    return append();
  }

 private:
  static Error refusal();

  std::shared_mutex mutex_;
  std::set<Uuid> closed_;
};

}  // namespace server
