// What a statement that changes rows has written so far in a cluster, attempt by attempt (docs/adr/0076).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "server/sql/cluster_topics.h"
#include "server/sql/write/row_buffer.h"

namespace server {

// Each partition takes its rows as long as nobody has written rows of the same keys since they were read. Where somebody
// has, the statement reads once more, and writes those rows that are not there yet.
//
// Threads: one. Owner: the execution.
class ChangeAttempts {
 public:
  using Changes = std::vector<ClusterTopics::Change>;

  // The rows of an attempt. A partition that nobody has read is taken for one that was read to its beginning.
  Changes begin(storage::AppendRequest request, const ReadEnds& read);
  // Likewise, of rows that say what they are, whatever is there.
  Changes begin_without_condition(storage::AppendRequest request);
  // What became of them: an error that no other attempt mends.
  std::optional<Error> told(std::vector<ClusterTopics::Changed> changed);
  // Whether some were overtaken: another attempt is needed.
  bool was_overtaken() const;
  // Those that were overtaken, in any case.
  Changes rest_without_condition();
  // Before another attempt: the keys of what is there are known.
  Status note_there();

  bool is_any_there() const { return is_any_there_; }
  // Rows of these are there.
  const RowBuffer::Keys& there() const { return there_; }
  // Those of the first attempt that are not, once some are; else the next one writes all that it finds.
  const std::optional<RowBuffer::Keys>& left() const { return left_; }
  // Of the last attempt.
  std::vector<storage::AppendedBatch> appended() const;

 private:
  storage::AppendRequest request_;
  std::vector<ClusterTopics::Changed> changed_;  // of its parts
  RowBuffer::Keys there_;
  std::optional<RowBuffer::Keys> left_;
  bool is_any_there_ = false;
};

}  // namespace server
