// An append whose thread may write it itself, since nobody else uses the log.
#pragma once
#include <memory>

#include "storage/log/log.h"

namespace storage {

// To hand an append over to the writer's thread and to be told of it wakes two threads. Where clients come one after the
// other that takes as long as a disk does. docs/adr/0069.
//
// The append is in the log's queue. Destruction without write() wakes the writer's thread for it.
//
// Threads: any, one at a time. Owner: whoever appends. The log outlives it.
class LoneAppend {
 public:
  explicit LoneAppend(LogCore& core) : core_(core) {}
  ~LoneAppend();
  LoneAppend(const LoneAppend&) = delete;
  LoneAppend& operator=(const LoneAppend&) = delete;

  // Takes the writer's part for one group: waits for the disk, and answers on this thread what is in the group. Does
  // nothing when somebody writes already, who takes the append along.
  void write();

 private:
  LogCore& core_;
  bool is_written_ = false;
};

// As Log::try_append(). `alone` is set when nobody else appends now, nor has lately: then the append waits until that is
// written or destroyed.
bool try_append(Log& log, AppendRequest& request, AppendDone& done,
                std::shared_ptr<LoneAppend>& alone);

}  // namespace storage
