// Checks for CREATE OR REPLACE whether a definition may replace another one.
#pragma once
#include "base/result.h"
#include "engine/catalog/catalog.h"

namespace engine {

// Fails with InvalidStatement unless `next` has the kind, topic, formats, event time and key of
// `old`, and all value columns of `old`, in the same order, before its new columns.
Status check_replaceable(const DataSource& old, const DataSource& next);

// Fails with ObjectState while another query is being built that will replace the query of this
// source.
Status check_not_rebuilt(const DataSource& source, const Catalog& catalog);

}  // namespace engine
