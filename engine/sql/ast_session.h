// Statements about the session from PostgreSQL clients: transactions, settings, cursors, COPY,
// prepared statements.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_query.h"

namespace engine {

struct ParsedStatement;

enum class TransactionAction : uint8_t {
  Begin,     // BEGIN, START TRANSACTION
  Commit,    // COMMIT, END
  Rollback,  // ROLLBACK, ABORT
  Savepoint,
  Release,
  RollbackTo,
};
struct Transaction {
  TransactionAction action;
  Name savepoint = {};     // only for Savepoint, Release and RollbackTo
  std::string tag = {};    // PostgreSQL's command tag: BEGIN, START TRANSACTION, COMMIT, ...
  std::string modes = {};  // only for Begin: see SetTransaction
};

// SET [SESSION|LOCAL] name {=|TO} value. SET TIME ZONE sets timezone, and SET NAMES sets
// client_encoding.
struct SetSetting {
  bool is_local = false;
  std::string name;                  // in lower case; may contain dots
  std::optional<std::string> value;  // none: DEFAULT. The items of a list are joined by ", "
};
// SET TRANSACTION ..., SET SESSION CHARACTERISTICS AS TRANSACTION ...
struct SetTransaction {
  bool for_session = false;
  std::string modes;
};  // in upper case, with one blank between words
struct ShowSetting {
  std::string name;
};  // in lower case; "all" for SHOW ALL
struct ResetSetting {
  std::string name;
};  // in lower case; "all" for RESET ALL
enum class DiscardTarget : uint8_t { All, Plans, Sequences, Temporary };
struct Discard {
  DiscardTarget target;
};

struct DeclareCursor {
  Name name;
  bool is_binary = false, is_scroll = false, with_hold = false;
  Query query;
  std::string query_text;  // text from SELECT to the end of the statement
};

enum class FetchDirection : uint8_t { Forward, Backward, First, Last, Absolute, Relative };
struct FetchCursor {
  bool is_move = false;  // MOVE instead of FETCH: the rows are skipped
  FetchDirection direction = FetchDirection::Forward;
  std::optional<int64_t> count = 1;  // not set: ALL
  Name cursor;
};
struct CloseCursor {
  std::optional<Name> cursor;
};  // not set: ALL

enum class CopyDirection : uint8_t { FromStdin, ToStdout };
struct CopyOption {
  std::string name;  // lower case: format, header, delimiter, null, quote, escape, force_quote, ...
  std::optional<std::string>
      value;  // none: only the option's name was written. TRUE and ON are kept in lower case
  // columns of force_quote and similar options; a single empty list means *
  std::vector<Name> columns = {};
  TextPosition position;
};
struct Copy {
  CopyDirection direction;
  Name source;  // empty if the rows are those of a query
  TextPosition source_position;
  std::vector<Name> columns;   // empty: all
  std::optional<Query> query;  // the query of COPY (SELECT ...) TO STDOUT
  std::vector<CopyOption>
      options;  // the old spelling (CSV HEADER DELIMITER ';') gives the same: format = csv, ...
};

struct Prepare {
  Name name;
  std::vector<TypeName> parameter_types;
  std::unique_ptr<ParsedStatement> statement;
};
struct ExecutePrepared {
  Name name;
  ExpressionList arguments;
};
struct Deallocate {
  std::optional<Name> name;
};  // not set: DEALLOCATE ALL

struct Listen {
  Name channel;
};
struct Unlisten {
  std::optional<Name> channel;
};  // not set: UNLISTEN *
struct Notify {
  Name channel;
  std::string payload;
};

}  // namespace engine
