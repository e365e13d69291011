// The rows of RECORDS('topic', ...) and of millrace_catalog.partitions, read from the log of this node.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/system_rows.h"
#include "engine/system_tables/topic_records.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "server/sql/port.h"
#include "storage/log/topic_partition.h"

namespace server {

struct SqlParts;

// How far a statement with RECORDS ... EMIT CHANGES has read the topic; each read continues there.
struct RecordsCursor {
  bool begins_at_end = true;  // where the first read begins, unless the statement names the place
  std::optional<storage::TopicPartition> first = {};  // its topic; not set before the first read
  std::map<int32_t, Offset> next =
      {};                 // by partition: the offset from which the next read continues
  bool has_more = false;  // records existed that the last read had no room for
};

// Computes the rows of RECORDS and of millrace_catalog.partitions. The rows of all other system
// tables come from `others`.
//
// A call of RECORDS reads at most RecordsRequest::max_bytes, for at most kMostMs, and its notice
// states how far it has read. In a cluster it reads the replicas of this node up to their high
// watermark, like a consumer that fetches from a follower (KIP-392). It fails if this node has no
// replica of a partition.
//
// Threads: one worker. Owner: the run of a SELECT.
class LogRows final : public engine::SystemRows {
 public:
  // With a cursor, each call of RECORDS reads the records after it, oldest first, and moves it.
  LogRows(SqlParts& parts, MetadataImagePtr image, Asker asker, const engine::SystemRows& others,
          RecordsCursor* cursor = nullptr)
      : parts_(parts),
        image_(std::move(image)),
        asker_(std::move(asker)),
        others_(others),
        cursor_(cursor) {}

  Result<engine::RowsChunks> rows(const engine::SystemTable& table, const engine::SystemRead& read,
                                  engine::RowsContext& context) const override;
  // Returns one notice for each call of RECORDS, which states how far the call has read.
  std::vector<sql::Notice> take_notices() const { return std::exchange(notices_, {}); }

 private:
  // Defined in partition_rows.cc. Topics that the reader may not see have no rows. For a partition
  // without a replica on this node, the figures are null.
  Result<engine::RowsChunks> partitions(const engine::SystemTable& table,
                                        std::span<const engine::SystemTextFilter> wanted,
                                        engine::RowsContext& context) const;
  Result<engine::RowsChunks> records(engine::RecordsRequest request,
                                     std::span<const engine::SystemTextFilter> wanted,
                                     engine::RowsContext& context) const;

  SqlParts& parts_;
  const MetadataImagePtr image_;
  const Asker asker_;
  // Changes a request so that it reads the records after the cursor. Fails with UnknownTopic if the topic was replaced.
  Status move_to_cursor(engine::RecordsRequest& request, const storage::TopicInfo& topic) const;

  const engine::SystemRows& others_;
  RecordsCursor* const cursor_;
  mutable std::vector<sql::Notice> notices_;
};

}  // namespace server
