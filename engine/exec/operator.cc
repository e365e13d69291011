#include "engine/exec/operator.h"

#include <set>

#include "engine/expr/null_failures.h"

namespace engine {

namespace {

// Reports the failures of the rows in `present`; null: of all rows. Only the first failures have a message.
void report_rows(ProcessingLog& log, const RowErrors& errors, const Batch& batch,
                 const Bitmap* present) {
  const auto counts = [present](size_t row) { return present == nullptr || present->test(row); };
  std::set<size_t> listed;
  bool are_nulls = true;
  for (const RowErrors::Message& message : errors.messages()) {
    if (!counts(message.row)) continue;
    log.record_failed(Error{message.code, message.text}, batch.partition_of(message.row),
                      batch.offsets[message.row]);
    are_nulls = are_nulls && is_null_failure(message.text);
    listed.insert(message.row);
  }
  if (errors.messages().size() < RowErrors::kMaxMessages) return;
  uint64_t more = errors.more_noted();
  for (size_t row = 0; errors.any() && row < batch.rows; ++row)
    if (errors.has(row) && counts(row) && !listed.contains(row)) ++more;
  // Errors beyond kMaxMessages are only counted, without their messages. They are reported as null failures
  // (is_null_failure()) if all errors with a message are null failures.
  if (more > 0) log.more_records_failed(more, are_nulls && !listed.empty());
}

}  // namespace

void TaskContext::report(const RowErrors& errors, const Batch& batch) const {
  report_rows(log, errors, batch, nullptr);
}

void TaskContext::report_present(const RowErrors& errors, const Batch& batch) const {
  report_rows(log, errors, batch, &batch.present);
}

}  // namespace engine
