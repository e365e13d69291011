// The positions of a source that reads the write-ahead log of PostgreSQL, as JSON in
// __connect_state. There is one position for the log. Each table has a position of its own while
// its rows are being copied, and until the log no longer has changes that the copied rows already
// contain.
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
  // The end of the last transaction that was processed completely. The source reads the log from
  // here on.
  PgLsn processed = 0;
  // The transaction after `processed`, if it was processed in part: its first `changes` changes are
  // committed already.
  PgLsn commit_lsn = 0;
  int64_t changes = 0;
  bool in_snapshot = false;  // true: rows of some tables are not copied yet
  bool operator==(const PgLogPosition&) const = default;
};
std::string pg_log_partition(std::string_view prefix);
std::string pg_log_offset(const PgLogPosition& position);

// The progress of copying one table. If the copy is interrupted, a later snapshot continues it
// after the last copied key.
struct PgCopy {
  // The copied rows between the key `after` and the key `after` of the next segment. They were
  // copied as of `lsn`. A key is a list of values as texts; nothing: from the first row on.
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
// Reads a position into `positions`. Ignores positions of another prefix. Fails with
// InvalidParameter if the offset does not have this form.
Status read_pg_position(std::string_view prefix, std::string_view partition_json,
                        std::string_view offset_json, PgPositions& positions);

}  // namespace engine
