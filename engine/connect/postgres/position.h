// The positions of a source that reads the log of PostgreSQL, as JSON in __connect_state: one for the log, and one for
// each table as long as the log may contain changes that copied rows include already.
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
  // The end of the last transaction that was processed completely. The log is read from this position on.
  PgLsn processed = 0;
  // The transaction after `processed`, of which the first `changes` changes are committed already.
  PgLsn commit_lsn = 0;
  int64_t changes = 0;
  bool in_snapshot = false;  // true: rows of some tables are not copied yet
  bool operator==(const PgLogPosition&) const = default;
};
std::string pg_log_partition(std::string_view prefix);
std::string pg_log_offset(const PgLogPosition& position);

// The copies of one table. After an interruption, a later snapshot continues the copy after its last key.
struct PgCopy {
  // The rows after the key `after` (its values as texts; none: all rows) were copied as of `lsn`, up to the next
  // segment.
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
