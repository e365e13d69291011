// The rows that a statement has written so far in a cluster, over its attempts (docs/adr/0076).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/write/row_buffer.h"

namespace server {

// Each partition accepts its rows only if no rows with the same keys were written since they were
// read. If such rows were written, the statement reads once more and writes the rows that are still
// missing.
//
// Threads: one. Owner: the execution.
class OptimisticRetry {
 public:
  using Changes = std::vector<ClusterTopics::Change>;

  // Begins an attempt and returns its changes. A partition that is missing in `read` counts as read
  // up to its beginning.
  Changes begin(storage::AppendRequest request, const ReadEnds& read);
  // Begins an attempt whose rows do not depend on existing rows.
  Changes begin_without_condition(storage::AppendRequest request);
  // Takes the outcome of the attempt. Returns an error if another attempt cannot succeed.
  std::optional<Error> told(std::vector<ClusterTopics::Changed> changed);
  // Whether some parts were overtaken, so that another attempt is needed.
  bool was_overtaken() const;
  // Begins an attempt with the parts that were overtaken, as unconditional changes.
  Changes rest_without_condition();
  // Sorts the keys of the last attempt into written and unwritten ones. Call it before another
  // attempt.
  Status note_there();

  bool is_any_there() const { return is_any_there_; }
  // The keys of written rows.
  const RowBuffer::Keys& there() const { return there_; }
  // The keys of the last attempt that are not written yet, if some rows are written; otherwise
  // nothing, and the next attempt writes all rows that it finds.
  const std::optional<RowBuffer::Keys>& left() const { return left_; }
  // The appended batches of the last attempt.
  std::vector<storage::AppendedBatch> appended() const;

 private:
  storage::AppendRequest request_;
  std::vector<ClusterTopics::Changed> changed_;  // the outcome of the parts of request_
  RowBuffer::Keys there_;
  std::optional<RowBuffer::Keys> left_;
  bool is_any_there_ = false;
};

}  // namespace server
