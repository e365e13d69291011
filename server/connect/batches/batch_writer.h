// The interface by which BatchTask sends records to an outside system that stores no positions.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "server/connect/ports.h"

namespace server {

// Sends records to one outside system for one task. A call that fails leaves the writer unusable: the runtime makes a new
// one, and sends the records again.
//
// Errors: a code for which is_permanent() holds sets the task to FAILED. ShuttingDown: the task must stop.
//
// Threads: the task's. Owner: the task.
class BatchWriter {
 public:
  virtual ~BatchWriter() = default;
  virtual Status start() = 0;
  // Sends the records in their order, and returns those that the outside system finally refuses.
  // With `isolates_bad_records`, a refused batch is divided until each bad record is alone. Without
  // it, only the first record of a refused batch is returned, and stands for the whole batch.
  struct Refused {
    size_t index;  // in `records`
    Error error;   // the message is only the reason
  };
  virtual Result<std::vector<Refused>> send(std::span<const SinkRecord> records,
                                            bool isolates_bad_records, const TaskWait& wait) = 0;
};

}  // namespace server
