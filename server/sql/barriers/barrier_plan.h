// The plan of a barrier. A barrier stops the tasks of several queries after the same records of their sources, so that
// a SELECT reads consistent tables (docs/adr/0153). The plan lists the stages and topics of these queries; it is
// computed from the metadata.
#pragma once
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/exec/ports.h"
#include "server/metadata/image.h"

namespace server {

// The tasks of all queries from which some tables are made, directly or through other queries, and
// the topics and exchanges between these tasks.
//
// A topic is a base topic if no query writes it, if a query that generates rows writes it, or if it
// lies on a cycle of queries: the tasks around a cycle would wait for each other.
struct BarrierPlan {
  struct Stage {
    DefinedQueryPtr query;
    int stage = 0;
    size_t tasks = 0;
    std::vector<size_t> inputs;    // indexes in `topics`
    std::optional<size_t> output;  // index in `topics`; empty if no stage of the plan reads it
    bool keeps_table = false;
  };
  struct Topic {
    Uuid id;
    bool is_exchange = false;
    // The partitions with rows. A time-ordered exchange also has partitions for the progress of its
    // writers, which have no cuts: a writer deletes its older progress when it continues.
    std::vector<engine::PartitionRef> partitions;
    std::vector<size_t> writers, readers;  // indexes in `stages`
    bool is_base() const { return writers.empty(); }
  };
  MetadataImagePtr image;
  std::vector<Stage> stages;  // writers of a topic precede its readers, except in cycles
  std::vector<Topic> topics;
  std::set<std::string> query_ids;
};

// Plans a barrier for the tables that these queries keep. Fails with ObjectState if a topic that
// one of the queries reads was deleted.
Result<BarrierPlan> plan_barrier(MetadataImagePtr image, std::span<const DefinedQueryPtr> queries);
// Whether the queries that write the topics of the plan are the same in the image `now`.
bool has_same_writers(const BarrierPlan& plan, const MetadataImage& now);

}  // namespace server
