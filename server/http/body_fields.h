// Checks the names of members in the bodies of requests. If a mistyped name were ignored, the
// request would silently have another meaning: a record with "val" in place of "value" would delete
// its key.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "engine/formats/json/json_tree.h"

namespace server::http {

enum class UnknownFields : uint8_t {
  Refused,  // unknown fields are refused, as in Confluent's REST proxy
  // unknown fields are refused only if they resemble a known name, since they are probably typing
  // errors; ksqlDB and the schema registry ignore all unknown fields
  IgnoredIfOther,
};

// Returns a message about the first member of `object` that is not among the names; empty if every member is, or if
// `object` is not an object. The message begins as Confluent's does: "Unrecognized field: val".
std::string unrecognized_field(const engine::JsonTree& object,
                               std::span<const std::string_view> names, UnknownFields unknown);

}  // namespace server::http
