// Tables whose rows a query keeps: who that is, what a session waits for before it reads them, and what is said when
// they cannot be read.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/catalog/catalog.h"
#include "server/net/loop.h"
#include "server/sql/port.h"
#include "server/sql/session.h"

namespace server {

struct KeptTable {
  std::shared_ptr<const engine::DataSource> table;
  std::shared_ptr<const DefinedQuery> query;  // that keeps its rows
  const std::string& query_id() const { return query->plan->id; }
};

// Fails with ObjectState when no query keeps the table's rows.
Result<KeptTable> find_kept_table(const MetadataImage& image,
                                  const std::shared_ptr<const engine::DataSource>& table);

// Why not all of its tasks are there, or not any more.
struct NotKept {
  Error error;
  bool passes = false;  // in a moment, without anybody's doing
};
NotKept not_kept(SqlParts& parts, const KeptTable& kept);

// That its query has failed: its rows are those from before.
std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts, const KeptTable& kept);

// Waits until tables have passed what their reader's session wrote, for read.wait.ms at most; then says that they
// may lack it.
// Threads: the session's loop. Owner: the execution.
class OwnWrites {
 public:
  OwnWrites(SqlSession& session, sql::Receiver& receiver, MetadataImagePtr image,
            std::vector<KeptTable> tables);
  ~OwnWrites();
  // `go_on` is called once, perhaps within the call; not after the end of this.
  void wait(std::function<void()> go_on);

 private:
  void passed(const Status& status);
  void on_timeout();
  void end();
  std::string names() const;

  SqlSession& session_;
  sql::Receiver& receiver_;
  const MetadataImagePtr image_;
  const std::vector<KeptTable> tables_;
  std::function<void()> go_on_;    // null once it has been called
  std::optional<Timer> timer_;     // while it waits
  std::shared_ptr<int> interest_;  // likewise
};

}  // namespace server
