#include "storage/log/inline_append.h"

#include "storage/log/log_core.h"

namespace storage {

InlineAppend::~InlineAppend() {
  if (!is_written_) core_.queue().nudge();
}

void InlineAppend::write() {
  is_written_ = true;
  core_.write_alone();
}

bool try_append(Log& log, AppendRequest& request, AppendDone& done,
                std::shared_ptr<InlineAppend>& alone) {
  const auto admission = log.core().try_put_alone(request, done);
  if (admission == RequestQueue::Admission::TakenAlone)
    alone = std::make_shared<InlineAppend>(log.core());
  return admission != RequestQueue::Admission::Full;
}

}  // namespace storage
