#include "server/tasks/append_here.h"

#include "server/net/run_when_idle.h"
#include "storage/log/inline_append.h"

namespace server {

bool try_append(Loop& here, storage::Log& log, storage::AppendRequest& request,
                storage::AppendDone& done) {
  std::shared_ptr<storage::InlineAppend> alone;
  const bool is_taken = storage::try_append(log, request, done, alone);
  // If the loop ends before it runs this closure, the closure is destroyed, and the log's writer
  // thread writes the append instead.
  if (alone) run_when_idle(here, [alone] { alone->write(); });
  return is_taken;
}

}  // namespace server
