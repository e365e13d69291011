// The producer id with which a task of a query that runs on all nodes writes its outputs. The id is
// the same on every node as long as the query exists, and no other producer has it
// (docs/formats/cluster.md).
#pragma once
#include <optional>

#include "base/ids.h"
#include "storage/log/task_outputs.h"

namespace storage {

struct TaskProducer {
  Revision made_at;  // revision of the command that created the query
  int32_t stage = 0, number = 0;

  ProducerId id() const {
    return kFirstTaskProducer +
           (kFirstShared + (made_at.value() * kStages + stage) * kTasks + number);
  }
  // Returns the task with this producer id; nothing if the id belongs to a client, or to a task of
  // a single node.
  static std::optional<TaskProducer> of(ProducerId id) {
    const int64_t shared = id - kFirstTaskProducer - kFirstShared;
    if (id < kFirstTaskProducer || shared < 0) return std::nullopt;
    return TaskProducer{Revision{shared / kTasks / kStages},
                        static_cast<int32_t>(shared / kTasks % kStages),
                        static_cast<int32_t>(shared % kTasks)};
  }

 private:
  static constexpr int64_t kFirstShared = int64_t{1} << 56, kStages = 1 << 6, kTasks = 1 << 14;
};

}  // namespace storage
