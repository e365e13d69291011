#include "server/auth/oauth/json_object.h"

#include <set>

namespace server::auth::oauth {

std::optional<JsonObject> JsonObject::parse(std::string_view text) {
  JsonObject made;
  if (made.parser_->allocate(text.size(), kMostDepth) != simdjson::SUCCESS) return std::nullopt;
  const auto parsed = made.parser_->parse(text.data(), text.size());
  if (parsed.get(made.object_) != simdjson::SUCCESS) return std::nullopt;
  std::set<std::string_view> names;
  for (const auto member : made.object_)
    if (!names.insert(member.key).second) return std::nullopt;
  return made;
}

}  // namespace server::auth::oauth
