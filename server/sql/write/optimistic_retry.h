// Tracks which rows a statement in a cluster has written so far, over all of its attempts
// (docs/adr/0076).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/write/row_buffer.h"

namespace server {

// Each partition accepts its rows only if no row with one of their keys was written after the
// statement had read. If a partition rejects its rows, the statement reads again and writes the
// rows that are missing.
//
// Threads: one. Owner: the execution.
class OptimisticRetry {
 public:
  using Changes = std::vector<ClusterTopics::Change>;

  // Begins an attempt and returns its changes. A partition that is missing in `read` counts as not
  // read at all.
  Changes begin(storage::AppendRequest request, const ReadEnds& read);
  // Begins an attempt whose rows do not depend on existing rows.
  Changes begin_without_condition(storage::AppendRequest request);
  // Takes the results of the attempt. Returns an error if another attempt cannot succeed.
  std::optional<Error> told(std::vector<ClusterTopics::Changed> changed);
  // Returns whether a partition has rejected its rows, because other writers have written rows with
  // the same keys first. Then another attempt is needed.
  bool was_overtaken() const;
  // Begins an attempt with the rows that partitions have rejected, this time without a condition.
  Changes rest_without_condition();
  // Divides the keys of the last attempt into written and unwritten keys. Called before another
  // attempt.
  Status note_there();

  bool is_any_there() const { return is_any_there_; }
  // The keys of written rows.
  const RowBuffer::Keys& there() const { return there_; }
  // The keys of the last attempt that are not written yet. Nothing if no row has been written: the
  // next attempt then writes all rows that it finds.
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
