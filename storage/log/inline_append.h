// An append that the calling thread may write itself instead of the log's writer thread, because no
// other thread uses the log.
#pragma once
#include <memory>

#include "storage/log/log.h"

namespace storage {

// Writing on the calling thread avoids two wake-ups: of the writer's thread for the append, and of
// the client's thread for the result. If clients append one after the other, these wake-ups take
// about as long as the wait for the disk (docs/adr/0069).
//
// The append is already in the log's queue. If the object is destroyed without write(), it wakes
// the writer's thread to write the append.
//
// Threads: any, one at a time. Owner: the caller that appends. The log outlives it.
class InlineAppend {
 public:
  explicit InlineAppend(LogCore& core) : core_(core) {}
  ~InlineAppend();
  InlineAppend(const InlineAppend&) = delete;
  InlineAppend& operator=(const InlineAppend&) = delete;

  // Takes the writer's role for one group: waits for the disk, and answers the requests of the
  // group on this thread. Does nothing if another thread is writing already; that thread then also
  // writes this append.
  void write();

 private:
  LogCore& core_;
  bool is_written_ = false;
};

// Queues an append. Returns false if the queue is full. Sets `alone` if no other append is in
// progress, and none has been for a while. The queued append then waits until the caller calls
// `alone->write()` or destroys `alone`.
bool try_append(Log& log, AppendRequest& request, AppendDone& done,
                std::shared_ptr<InlineAppend>& alone);

}  // namespace storage
