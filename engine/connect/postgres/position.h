// The positions of a source that reads the log of PostgreSQL, as JSON in __connect_state: one for the log, and one for
// each table while rows that a snapshot has copied may come again in the log.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/connect/postgres/pgoutput.h"

namespace engine {

struct PgLogPosition {
  // The end of the last whole transaction: the log is read from here.
  PgLsn processed = 0;
  // In the transaction behind it, the first `changes` changes are committed, too.
  PgLsn commit_lsn = 0;
  int64_t changes = 0;
  bool in_snapshot = false;  // rows of tables are still to be copied
  bool operator==(const PgLogPosition&) const = default;
};
std::string pg_log_partition(std::string_view prefix);
std::string pg_log_offset(const PgLogPosition& position);

// The copies of one table. A copy that was cut off continues behind its last key, in a later snapshot.
struct PgCopy {
  // Rows behind `after` (its values as texts; none: all rows) are as of `lsn`, up to the next segment.
  struct Segment {
    std::optional<std::vector<std::string>> after;
    PgLsn lsn = 0;
    bool operator==(const Segment&) const = default;
  };
  std::vector<Segment> segments;
  std::optional<std::vector<std::string>> last_key;
  bool is_done = false;
  bool operator==(const PgCopy&) const = default;
};
std::string pg_copy_partition(std::string_view prefix, std::string_view table);
std::string pg_copy_offset(const PgCopy& copy);

struct PgPositions {
  std::optional<PgLogPosition> log;
  std::vector<std::pair<std::string, PgCopy>> copies;  // by table
};
// Reads a position into `positions`. Positions of another prefix are left out. Fails with InvalidParameter if the offset
// is not of this form.
Status read_pg_position(std::string_view prefix, std::string_view partition_json,
                        std::string_view offset_json, PgPositions& positions);

}  // namespace engine
