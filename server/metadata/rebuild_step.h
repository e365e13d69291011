// How a query that was built beside another one takes its place: what each step logs (docs/adr/0046). Pure.
#pragma once
#include <string>

#include "base/ids.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"

namespace server {

//   built beside ──Stand──► neither makes rows ──Finish──► in its place
//        ▲                         │
//        └─────────GoOn────────────┘  the table's topic could not be written
struct RebuildStep {
  enum class Kind : uint8_t {
    Stand,   // both stop between two commits
    GoOn,    // both run again, the new one still beside the old
    Finish,  // the new one is the table's, the old one is gone with its state
  };
  Kind kind;
  std::string query_id;      // of the new one
  ProducerId publisher{-1};  // Stand: who will write what differs between the topics
};

// Fails with ObjectState when the query is not where the step begins, or is no more.
Result<storage::MetadataCommand> plan_rebuild_step(const RebuildStep& step,
                                                   const MetadataImage& image);

}  // namespace server
