#include "engine/expr/member_hints.h"

#include <fmt/format.h>

#include "engine/types/ascii.h"

namespace engine {

std::string hint_for_members(std::string_view text, std::span<const std::string> path) {
  std::string arrows(text), json_path = "$";
  for (size_t i = 0; i < path.size(); ++i) {
    arrows += fmt::format("{}'{}'", i + 1 == path.size() ? "->>" : "->", path[i]);
    json_path += "." + path[i];
  }
  return fmt::format(
      "{0} is a text. {1} reads a member of its JSON, and in a continuous query "
      "EXTRACTJSONFIELD({0}, '{2}').",
      text, arrows, json_path);
}

std::string hint_for_field(std::string_view structure, const SqlType& type,
                           std::string_view field) {
  for (const Field& known : type.fields())
    if (equals_ignoring_case(known.name, field))
      return fmt::format("{0} is a STRUCT: {0}->{1}.", structure, known.name);
  return fmt::format("{0} is a STRUCT, whose fields are read with {0}->field.", structure);
}

}  // namespace engine
