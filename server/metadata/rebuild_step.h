// REBUILD builds a query again while the old one runs, and then replaces the old one (docs/adr/0046). This file
// has the steps of the replacement, and the command of the metadata log for each step. The functions do no I/O.
#pragma once
#include <string>

#include "base/ids.h"
#include "server/metadata/image.h"
#include "storage/meta/metadata_log.h"

namespace server {

//   both queries run ──Stand──► both queries stop ──Finish──► the new query replaces the old one
//        ▲                            │
//        └───────────GoOn─────────────┘  the table's topic could not be written
struct RebuildStep {
  enum class Kind : uint8_t {
    Stand,   // both queries stop between two commits
    GoOn,    // both queries run again, still side by side
    Finish,  // the new query takes over the table; the old query and its state are deleted
  };
  Kind kind;
  std::string query_id;      // id of the new query
  ProducerId publisher{-1};  // for Stand: the producer for the differences between the two tables
};

// Plans the command that logs the step. Fails with ObjectState if the query is not in the state
// that must precede the step, or does not exist.
Result<storage::MetadataCommand> plan_rebuild_step(const RebuildStep& step,
                                                   const MetadataImage& image);

}  // namespace server
