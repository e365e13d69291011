// Statements about links to other Kafka clusters, as parsed. Names keep their case.
#pragma once
#include <optional>
#include <string>

#include "engine/sql/ast_query.h"

namespace engine {

struct CreateLink {
  bool or_replace = false, if_not_exists = false;
  Name name;
  TextPosition name_position;
  PropertyList properties = {};
  std::optional<std::string> file = {};  // FROM FILE: a file of properties, in place of WITH
};
struct DropLink {
  bool if_exists = false;
  Name name;
  TextPosition name_position;
};
struct DescribeLink {
  Name name;
  TextPosition name_position;
};
// The link in SHOW TOPICS FROM LINK and PRINT ... FROM LINK.
struct LinkName {
  Name name;
  TextPosition position;
};

}  // namespace engine
