// The metadata log of a single node: a table in the log's store, written through the log's writer.
#pragma once
#include <memory>

#include "storage/kv/kv.h"
#include "storage/meta/metadata_log.h"

namespace storage {

// The metadata log refers to `store`, and to `queue`, which writes to the store. Both outlive the
// metadata log.
Result<std::unique_ptr<MetadataLog>> open_embedded_metadata_log(KeyValueStore& store,
                                                                TransactionQueue& queue);

}  // namespace storage
