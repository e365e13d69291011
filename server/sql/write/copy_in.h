// COPY ... FROM STDIN: rows into a stream or a table.
#pragma once
#include <memory>

#include "server/sql/session.h"

namespace server {

// All or nothing up to `copy.atomic.bytes`; what is larger is committed in blocks of that size, and
// then its error says how many rows are in. In a transaction the rows are held back with it.
Result<std::unique_ptr<sql::CopyIn>> start_copy(SqlSession& session, const MetadataImage& image,
                                                const sql::CopyTarget& target,
                                                sql::CopyReceiver& receiver);

}  // namespace server
