// Which declared tables this node has begun anew, and after which unclean election of their topic's partitions
// (docs/adr/0089).
#pragma once
#include <map>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/log.h"

namespace server {

// Kept beside what tables are made of, so that a start knows whether that is from before. What was noted of a table that
// is no more stays, and says nothing about another one of its id: whoever has nothing has nothing from before.
//
// Threads: one at a time, which may wait for the log. Owner: QueryTasks.
class RenewedTables {
 public:
  static Result<RenewedTables> read(storage::Log& log);

  // The revision of the election; zero of one that was not begun anew.
  Revision renewed_after(const std::string& query_id) const;
  // Nothing is left of what the table was before.
  Status note(const std::string& query_id, Revision election);

 private:
  explicit RenewedTables(storage::Log& log) : log_(&log) {}
  storage::Log* log_;
  std::map<std::string, Revision> after_;
};

}  // namespace server
