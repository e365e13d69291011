// Stores which of its declared tables this node has built again because of an unclean election,
// each with that election (docs/adr/0089).
#pragma once
#include <map>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/log.h"

namespace server {

// The entries are in the same file as the tables' data. So the next start can find a table whose
// data is older than an election. The entry of a dropped table is kept. A later table with the same
// id is not harmed by it, because the data of that table is newer than the election.
//
// Threads: one at a time, which may wait for the log. Owner: QueryTasks.
class RenewedTables {
 public:
  static Result<RenewedTables> read(storage::Log& log);

  // Returns the revision of the last election because of which the table was built again; 0 if it
  // never was.
  Revision renewed_after(const std::string& query_id) const;
  // Records that the table is being built again because of this election. Called when all earlier
  // data of the table has been deleted.
  Status note(const std::string& query_id, Revision election);

 private:
  explicit RenewedTables(storage::Log& log) : log_(&log) {}
  storage::Log* log_;
  std::map<std::string, Revision> after_;
};

}  // namespace server
