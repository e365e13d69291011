// The messages of the plug-in pgoutput, protocol version 1
// (https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace engine {

// A place in the write-ahead log of a PostgreSQL server, in bytes from its beginning.
using PgLsn = uint64_t;
// Returns the LSN as PostgreSQL writes it: "16/B374D848".
std::string pg_lsn_text(PgLsn lsn);
// Parses the result of pg_lsn_text(). Fails with InvalidText.
Result<PgLsn> parse_pg_lsn(std::string_view text);

// A value in a tuple. Unsent: PostgreSQL has not sent the value, because it is large and the UPDATE
// did not change it.
struct PgCell {
  enum class State : uint8_t { Null, Text, Unsent } state = State::Null;
  std::string_view text = {};  // a view into the message
};
using PgTuple = std::vector<PgCell>;

struct PgBegin {
  PgLsn commit_lsn = 0;   // position of the commit record
  int64_t commit_us = 0;  // microseconds since 1970
  uint32_t xid = 0;
};
struct PgCommit {
  PgLsn commit_lsn = 0, end_lsn = 0;  // end_lsn: the first byte after the transaction
  int64_t commit_us = 0;
};
struct PgRelation {
  struct Column {
    bool is_identity = false;  // part of the replica identity
    std::string name;
    uint32_t type = 0;
    int32_t modifier = -1;
  };
  uint32_t oid = 0;
  std::string schema, name;
  char identity = 'd';  // pg_class.relreplident
  std::vector<Column> columns;
};
struct PgInsert {
  uint32_t relation = 0;
  PgTuple after;
};
// The form of the old row in an UPDATE or DELETE. None: no old row was sent, because the key did
// not change. Key: only the columns of the replica identity are set, and all others are NULL. Row:
// the whole row (REPLICA IDENTITY FULL).
enum class PgOldRow : uint8_t { None, Key, Row };
struct PgUpdate {
  uint32_t relation = 0;
  PgOldRow has_before = PgOldRow::None;
  PgTuple before, after;
};
struct PgDelete {
  uint32_t relation = 0;
  PgOldRow has_before = PgOldRow::Key;
  PgTuple before;
};
struct PgTruncate {
  std::vector<uint32_t> relations;
};
// Messages from which no records are made: origins, types, and messages of applications.
struct PgIgnored {};

using PgMessage = std::variant<PgBegin, PgCommit, PgRelation, PgInsert, PgUpdate, PgDelete,
                               PgTruncate, PgIgnored>;

// Returns the message. Its cells are views of `bytes`. Fails with CorruptRecord for bytes that are no message.
Result<PgMessage> parse_pgoutput(std::string_view bytes);

// Microseconds between 1970, where Unix time begins, and 2000, where PostgreSQL's time begins.
inline constexpr int64_t kPgEpochUs = 946'684'800'000'000;

}  // namespace engine
