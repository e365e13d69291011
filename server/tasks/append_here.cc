#include "server/tasks/append_here.h"

#include "server/net/run_when_idle.h"
#include "storage/log/inline_append.h"

namespace server {

bool try_append(Loop& here, storage::Log& log, storage::AppendRequest& request,
                storage::AppendDone& done) {
  std::shared_ptr<storage::InlineAppend> alone;
  const bool is_taken = storage::try_append(log, request, done, alone);
  // A closure that never runs is destroyed, which hands the append to the log's writer.
  if (alone) run_when_idle(here, [alone] { alone->write(); });
  return is_taken;
}

}  // namespace server
