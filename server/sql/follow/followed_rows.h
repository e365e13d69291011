// The result of a followed SELECT over a system table, as the last survey (surveys.h: a repeated reading of the table)
// has computed it. Each row has the version at which it changed last, so that each client gets only the changes since
// the version that it has seen.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/query/rows_run.h"
#include "engine/types/schema.h"

namespace server {

// Followers read at their own speed. Each of them remembers the version that it has seen, and gets
// the newest form of the rows that have changed since then. So a follower that does not read costs
// no memory, except for the keys of deleted rows: the last kMostDeleted of them are kept.
//
// Threads: one at a time. Owner: a FollowedStatement.
class FollowedRows {
 public:
  using Version = uint64_t;  // increases with each take() that changes a row; 0: at first
  static constexpr size_t kMostDeleted = 10'000;

  // `key`: the columns that identify a row.
  FollowedRows(const engine::Schema& schema, std::vector<size_t> key);

  // Replaces the rows by the result of a survey. The chunks may have more columns than the schema.
  // If several rows have the same key, only the first one counts.
  void take(const engine::RowsChunks& chunks);

  Version version() const { return version_; }
  size_t bytes() const { return bytes_; }

  struct Changes {
    std::vector<engine::ColumnPtr> columns;
    engine::Bitmap
        present;  // not set: the row was deleted, and only the columns of its key have values
    size_t rows = 0;
    Version until = 0;
  };
  using ChangesPtr = std::shared_ptr<const Changes>;
  // Returns the changes after the version `seen`; 0 stands for a follower that has seen nothing.
  // Followers that have seen the same version share the result. Fails with LimitExceeded if some of
  // the deletes after `seen` are no longer known.
  Result<ChangesPtr> since(Version seen);

 private:
  struct Row {
    std::string bytes;       // encoded columns of the whole row
    Version changed_at = 0;  // version at which the row got these bytes
    Version taken_at = 0;    // number of the last take() that contained the row
    size_t place = 0;        // position in the last survey
  };
  struct Deleted {
    Version at;
    std::string key;
  };
  ChangesPtr make(Version seen) const;

  const engine::Schema schema_;
  const std::vector<size_t> key_;
  std::map<std::string, Row, std::less<>> rows_;  // by the bytes of the key
  std::deque<Deleted> deleted_;                   // in the order of their versions
  Version version_ = 0, takes_ = 0;
  Version forgotten_ = 0;  // version of the newest delete whose key was discarded
  size_t bytes_ = 0;
  std::map<Version, ChangesPtr> shared_;  // results of since() by `seen`, for the present version
};

}  // namespace server
