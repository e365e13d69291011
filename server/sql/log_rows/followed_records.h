// SELECT ... FROM RECORDS(...) EMIT CHANGES: shows the records of a topic as they are written.
#pragma once
#include <memory>

#include "server/sql/follow/follow_plan.h"
#include "server/sql/port.h"

namespace server {

class SqlSession;

// Returns whether the statement follows RECORDS. Its rows have no key, because records never
// change; the rows of all other followed tables have a key.
inline bool follows_records(const FollowedSelect& select) { return select.key.empty(); }

// Shows new records until the execution is destroyed or the LIMIT is reached. The first record is
// the one that the call of RECORDS names. Without a place in the call, it is the first record after
// the start of the statement, or with auto.offset.reset = earliest the oldest record.
std::unique_ptr<sql::Execution> run_records_follow(SqlSession& session, sql::Receiver& receiver,
                                                   FollowedSelect select);

}  // namespace server
