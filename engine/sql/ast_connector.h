// Statements about connectors, as parsed. Names keep their case, as in Kafka Connect.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_query.h"

namespace engine {

enum class ConnectorKind : uint8_t { Any, Source, Sink };

struct CreateConnector {
  ConnectorKind kind;
  bool or_replace = false, if_not_exists = false;
  Name name;
  TextPosition name_position;
  PropertyList properties;
};
struct DropConnector {
  bool if_exists = false;
  Name name;
  TextPosition name_position;
};
struct DescribeConnector {
  Name name;
  TextPosition name_position;
};
struct AlterConnector {
  enum class Action : uint8_t { Set, Reset, Snapshot, SetOffsets, ResetOffsets, Owner };
  Action action;
  bool if_exists = false;
  Name name;
  TextPosition name_position;
  PropertyList properties = {};  // properties of SET
  // for RESET: properties; for SNAPSHOT: tables, where an empty list means all
  std::vector<std::string> names = {};
  std::string text = {};  // SET OFFSETS: JSON; OWNER TO: the role
};
// PAUSE, RESUME, STOP and RESTART CONNECTOR
struct ControlConnector {
  enum class Action : uint8_t { Pause, Resume, Stop, Restart };
  Action action;
  Name name;
  TextPosition name_position;
  std::optional<int64_t> task = {};  // task of RESTART; none: the connector and all its tasks
};

}  // namespace engine
