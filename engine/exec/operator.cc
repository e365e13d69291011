#include "engine/exec/operator.h"

namespace engine {

void TaskContext::report(const RowErrors& errors, const Batch& batch) const {
  for (const RowErrors::Message& message : errors.messages())
    log.record_failed(message.text, batch.partition_of(message.row), batch.offsets[message.row]);
}

void TaskContext::report_present(const RowErrors& errors, const Batch& batch) const {
  for (const RowErrors::Message& message : errors.messages())
    if (batch.present.test(message.row))
      log.record_failed(message.text, batch.partition_of(message.row), batch.offsets[message.row]);
}

}  // namespace engine
