// The declared tables that this node has built again, each with the unclean election that was the
// reason (docs/adr/0089).
#pragma once
#include <map>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/log.h"

namespace server {

// The entries are in the same file as the tables' data, so that the next start can find a table
// whose data is from before an election. The entry of a dropped table is kept. It is harmless for a
// later table with the same id, whose data is newer than the election.
//
// Threads: one at a time, which may wait for the log. Owner: QueryTasks.
class RenewedTables {
 public:
  static Result<RenewedTables> read(storage::Log& log);

  // Returns the revision of the last election because of which the table was built again; zero if
  // there was none.
  Revision renewed_after(const std::string& query_id) const;
  // Notes that the table is built again because of this election. Called when all earlier data of
  // the table has been deleted.
  Status note(const std::string& query_id, Revision election);

 private:
  explicit RenewedTables(storage::Log& log) : log_(&log) {}
  storage::Log* log_;
  std::map<std::string, Revision> after_;
};

}  // namespace server
