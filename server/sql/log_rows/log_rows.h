// The rows of RECORDS('topic', ...) and of millrace_catalog.partitions, read from the log of this node.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/system_rows.h"
#include "engine/system_tables/topic_records.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "server/sql/port.h"

namespace server {

struct SqlParts;

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
  LogRows(SqlParts& parts, MetadataImagePtr image, Asker asker, const engine::SystemRows& others)
      : parts_(parts), image_(std::move(image)), asker_(std::move(asker)), others_(others) {}

  Result<engine::RowsChunks> rows(const engine::SystemTable& table,
                                  std::span<const engine::SystemTextFilter> wanted,
                                  engine::RowsContext& context) const override;
  // Returns one notice for each call of RECORDS: how far the call has read.
  std::vector<sql::Notice> take_notices() const { return std::exchange(notices_, {}); }

 private:
  // In partition_rows.cc. Topics that the reader may not see have no rows. For a partition without
  // a replica on this node, the figures are null.
  Result<engine::RowsChunks> partitions(const engine::SystemTable& table,
                                        std::span<const engine::SystemTextFilter> wanted,
                                        engine::RowsContext& context) const;
  Result<engine::RowsChunks> records(const engine::RecordsRequest& request,
                                     std::span<const engine::SystemTextFilter> wanted,
                                     engine::RowsContext& context) const;

  SqlParts& parts_;
  const MetadataImagePtr image_;
  const Asker asker_;
  const engine::SystemRows& others_;
  mutable std::vector<sql::Notice> notices_;
};

}  // namespace server
