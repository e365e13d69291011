// An append that its own thread may write, because no other thread uses the log.
#pragma once
#include <memory>

#include "storage/log/log.h"

namespace storage {

// Handing an append over to the writer's thread and reporting its result wakes two threads. If
// clients append one after the other, the wake-ups take about as long as the wait for the disk
// (docs/adr/0069).
//
// The append is in the log's queue. Destruction without write() wakes the writer's thread for the
// append.
//
// Threads: any, one at a time. Owner: the caller that appends. The log outlives it.
class InlineAppend {
 public:
  explicit InlineAppend(LogCore& core) : core_(core) {}
  ~InlineAppend();
  InlineAppend(const InlineAppend&) = delete;
  InlineAppend& operator=(const InlineAppend&) = delete;

  // Takes the writer's role for one group: waits for the disk, and answers the requests of the
  // group on this thread. Does nothing if another thread is writing already, which then takes the
  // append along.
  void write();

 private:
  LogCore& core_;
  bool is_written_ = false;
};

// Like Log::try_append(). Sets `alone` if no other append is in progress or was lately. The append
// then waits until `alone` writes it or is destroyed.
bool try_append(Log& log, AppendRequest& request, AppendDone& done,
                std::shared_ptr<InlineAppend>& alone);

}  // namespace storage
