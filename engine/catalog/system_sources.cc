#include "engine/catalog/system_sources.h"

#include <fmt/format.h>

namespace engine {

Status check_writable(std::string_view topic) {
  if (!topic.starts_with("__")) return {};
  return Error{
      ErrorCode::WrongObjectType,
      fmt::format("topic \"{}\" cannot be written by statements", topic),
      "Topics whose names begin with __ belong to the server, and to tools that keep their "
      "state in them.",
      "Choose another topic, with KAFKA_TOPIC in the WITH clause."};
}

}  // namespace engine
