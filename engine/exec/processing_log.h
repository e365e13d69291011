// The processing log: failures of single records in running queries. Each failure is a record of a
// stream that users can query.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/system_sources.h"
#include "engine/exec/output_sequences.h"

namespace engine {

// The statement that defines the stream. Its first columns are ksqlDB's, with the same meaning; the
// others give the position of the record, so that it can be looked up in its topic.
std::string_view processing_log_statement();

// ksqlDB's numbers of the error types, in MESSAGE->TYPE.
enum class ProcessingErrorType : uint8_t { Deserialization = 0, RecordProcessing = 1 };

struct ProcessingLogLine {
  ProcessingErrorType type = ProcessingErrorType::RecordProcessing;
  std::string message;
  std::string topic;  // topic of the record; empty if it was read from an exchange of the query
  int32_t partition = -1;
  int64_t offset = -1;
};

// Collects the lines about records that failed in one micro-batch (the records that a task processes between two
// commits). The lines are written in the commit of the micro-batch, so no record is reported twice or lost.
//
// Invariant: at most kMaxLines lines are kept, however many records fail, so that a topic full of bad
//            records does not fill the log. One more line has the number of the other failures.
// Threads:   belongs to one task.
class ProcessingLogBuffer {
 public:
  static constexpr size_t kMaxLines = 100;

  void add(ProcessingLogLine line);
  // Counts failures without adding lines for them.
  void add_more(uint64_t count) { more_ += count; }
  bool empty() const { return lines_.empty() && more_ == 0; }
  // Returns one record batch with all lines, and empties the buffer. `task` is "CTAS_X_1/0/3".
  OutputBatch take_batch(std::string_view task, int64_t wall_ms, const PartitionRef& to,
                         OutputSequences& sequences);
  void clear();

 private:
  std::vector<ProcessingLogLine> lines_;
  uint64_t more_ = 0;  // number of lines that were not kept
};

}  // namespace engine
