// CREATE, ALTER and DROP SEQUENCE, as parsed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_statement.h"

namespace engine {

struct SequenceOptions {
  struct Number {
    std::optional<int64_t> value;  // nothing: NO MINVALUE, NO MAXVALUE, RESTART without a number
    TextPosition position;
  };
  struct Owner {
    std::optional<TableName> table;  // not set: OWNED BY NONE
    Name column = {};
  };
  std::optional<std::string> type;  // the type after AS
  TextPosition type_position;
  std::optional<Number> start, increment, min, max, cache, restart;
  std::optional<bool> cycles;
  std::optional<Owner> owner;
};
struct CreateSequence {
  bool if_not_exists = false;
  TableName name;
  SequenceOptions options;
};
struct AlterSequence {
  bool if_exists = false;
  TableName name;
  SequenceOptions options;
};
struct DropSequences {
  bool if_exists = false, cascade = false;
  std::vector<TableName> names;
};

}  // namespace engine
