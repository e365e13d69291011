// COPY ... FROM STDIN: writes rows into a stream or a table.
#pragma once
#include <memory>

#include "server/sql/session.h"

namespace server {

// Writes all rows or none, if their size is at most copy-atomic-bytes. A larger COPY is committed
// in blocks of that size, and an error then reports how many rows are committed. Inside a
// transaction, the rows are held back until its end.
Result<std::unique_ptr<sql::CopyIn>> start_copy(SqlSession& session, const MetadataImage& image,
                                                const sql::CopyTarget& target,
                                                sql::CopyReceiver& receiver);

}  // namespace server
