// Reads libpg_query's tree, which is JSON. A node is an object with one member, whose name is the
// kind of the node.
#pragma once
#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::pgsql {

// The fields of a node. Absent members are read as false, 0, "" or an empty list.
class Fields {
 public:
  explicit Fields(simdjson::dom::element value) : value_(value) {}

  bool has(std::string_view name) const { return value_[name].error() == simdjson::SUCCESS; }
  bool flag(std::string_view name) const {
    bool value = false;
    return value_[name].get(value) == simdjson::SUCCESS && value;
  }
  int64_t number(std::string_view name) const {
    int64_t value = 0;
    return value_[name].get(value) == simdjson::SUCCESS ? value : 0;
  }
  std::string_view text(std::string_view name) const {
    std::string_view value;
    return value_[name].get(value) == simdjson::SUCCESS ? value : std::string_view();
  }
  // Returns the member if it is an object that is not a node, such as "alias":{"aliasname":"a"}.
  std::optional<Fields> part(std::string_view name) const {
    simdjson::dom::element value;
    if (value_[name].get(value) != simdjson::SUCCESS || !value.is_object()) return std::nullopt;
    return Fields(value);
  }
  simdjson::dom::element element() const { return value_; }

 private:
  simdjson::dom::element value_;
};

struct Node {
  std::string_view kind;  // empty: no node
  Fields fields;
};

inline Node node_of(simdjson::dom::element element) {
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS || object.size() == 0) return {{}, Fields(element)};
  const auto member = *object.begin();
  return {member.key, Fields(member.value)};
}
inline std::optional<Node> child(const Fields& fields, std::string_view name) {
  const auto found = fields.part(name);
  return found ? std::optional(node_of(found->element())) : std::nullopt;
}
inline std::vector<Node> children(const Fields& fields, std::string_view name) {
  std::vector<Node> nodes;
  simdjson::dom::array array;
  if (fields.element()[name].get(array) != simdjson::SUCCESS) return nodes;
  for (const simdjson::dom::element each : array) nodes.push_back(node_of(each));
  return nodes;
}
// Returns a list of names, such as pg_catalog, format_type.
inline std::vector<std::string> strings(const Fields& fields, std::string_view name) {
  std::vector<std::string> texts;
  for (const Node& each : children(fields, name)) texts.emplace_back(each.fields.text("sval"));
  return texts;
}

}  // namespace engine::pgsql
