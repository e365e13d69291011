#include "server/http/registry/data_contract.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;
using engine::RegistryError;
using engine::RegistryResult;

enum class Shape : uint8_t { Text, Flag, Texts, TextByName, TextsByName, Rules };
struct Member {
  std::string_view name;
  Shape shape;
};
// The members are in the order in which Confluent's registry lists them in its answers.
constexpr std::array<Member, 3> kMetadata = {{
    {"tags", Shape::TextsByName},
    {"properties", Shape::TextByName},
    {"sensitive", Shape::Texts},
}};
constexpr std::array<Member, 3> kRuleSet = {{
    {"migrationRules", Shape::Rules},
    {"domainRules", Shape::Rules},
    {"encodingRules", Shape::Rules},
}};
constexpr std::array<Member, 11> kRule = {{
    {"name", Shape::Text},
    {"doc", Shape::Text},
    {"kind", Shape::Text},
    {"mode", Shape::Text},
    {"type", Shape::Text},
    {"tags", Shape::Texts},
    {"params", Shape::TextByName},
    {"expr", Shape::Text},
    {"onSuccess", Shape::Text},
    {"onFailure", Shape::Text},
    {"disabled", Shape::Flag},
}};
constexpr std::string_view kKinds[] = {"TRANSFORM", "CONDITION"};
constexpr std::string_view kModes[] = {"UPGRADE", "DOWNGRADE", "UPDOWN",
                                       "WRITE",   "READ",      "WRITEREAD"};

RegistryError wrong(std::string_view where, std::string_view what) {
  return {422, fmt::format("{} {}", where, what)};
}

RegistryResult<JsonTree> read_members(const JsonTree& from, std::span<const Member> members,
                                      std::string_view where);

void sort_members(JsonTree& tree) {
  std::ranges::sort(tree.members, {}, &std::pair<std::string, JsonTree>::first);
}

bool are_texts(const JsonTree& tree) {
  return tree.kind == JsonKind::Array && std::ranges::all_of(tree.items, [](const JsonTree& item) {
           return item.kind == JsonKind::String;
         });
}

RegistryResult<void> check_rule(const JsonTree& rule) {
  const auto refused = [&](std::string_view why) {
    return RegistryError{42210, fmt::format("Invalid rule '{}': {}", rule.text_of("name"), why)};
  };
  if (rule.text_of("name").empty()) return refused("it has no name");
  const auto is_one_of = [&](std::string_view name, std::span<const std::string_view> words) {
    const JsonTree* node = rule.find(name);
    return !node || std::ranges::find(words, node->text) != words.end();
  };
  if (!is_one_of("kind", kKinds)) return refused("its kind must be TRANSFORM or CONDITION");
  if (!is_one_of("mode", kModes))
    return refused("its mode must be UPGRADE, DOWNGRADE, UPDOWN, WRITE, READ or WRITEREAD");
  return {};
}

RegistryResult<JsonTree> read_rules(const JsonTree& node, std::string_view where) {
  if (node.kind != JsonKind::Array) return wrong(where, "is not a list of rules");
  JsonTree rules{.kind = JsonKind::Array};
  for (const JsonTree& item : node.items) {
    auto rule = read_members(item, kRule, where);
    if (!rule) return rule.error();
    if (const auto checked = check_rule(*rule); !checked) return checked.error();
    if (!rule->find("disabled")) {
      rule->members.emplace_back("disabled", JsonTree{.kind = JsonKind::Boolean});
    }
    rules.items.push_back(*std::move(rule));
  }
  return rules;
}

RegistryResult<JsonTree> read_value(const JsonTree& node, Shape shape, std::string_view where) {
  switch (shape) {
    case Shape::Text:
      if (node.kind != JsonKind::String) return wrong(where, "is not a string");
      return node;
    case Shape::Flag:
      if (node.kind != JsonKind::Boolean) return wrong(where, "is neither true nor false");
      return node;
    case Shape::Texts:
      if (!are_texts(node)) return wrong(where, "is not a list of strings");
      return node;
    case Shape::TextByName:
    case Shape::TextsByName: {
      const bool is_right =
          node.kind == JsonKind::Object && std::ranges::all_of(node.members, [&](const auto& each) {
            return shape == Shape::TextsByName ? are_texts(each.second)
                                               : each.second.kind == JsonKind::String;
          });
      if (!is_right)
        return wrong(where, shape == Shape::TextsByName ? "is not an object with lists of strings"
                                                        : "is not an object with strings");
      JsonTree sorted = node;
      sort_members(sorted);
      return sorted;
    }
    case Shape::Rules:
      return read_rules(node, where);
  }
  return node;
}

RegistryResult<JsonTree> read_members(const JsonTree& from, std::span<const Member> members,
                                      std::string_view where) {
  if (from.kind != JsonKind::Object) return wrong(where, "is not an object");
  for (const auto& [name, member] : from.members)
    if (std::ranges::find(members, name, &Member::name) == members.end())
      return wrong("Unrecognized field:", fmt::format("{} in {}", name.substr(0, 100), where));
  JsonTree read{.kind = JsonKind::Object};
  for (const auto& [name, shape] : members) {
    const JsonTree* node = from.find(name);
    if (!node || node->is_null()) continue;
    auto value = read_value(*node, shape, fmt::format("{} of {}", name, where));
    if (!value) return value.error();
    const bool is_empty = value->items.empty() && value->members.empty() &&
                          (value->kind == JsonKind::Array || value->kind == JsonKind::Object);
    if (!is_empty) read.members.emplace_back(name, *std::move(value));
  }
  return read;
}

RegistryResult<std::string> read_part(const JsonTree* node, std::span<const Member> members,
                                      std::string_view what) {
  if (!node || node->is_null()) return std::string();
  const auto tree = read_members(*node, members, what);
  if (!tree) return tree.error();
  return json_tree_text(*tree);
}

}  // namespace

RegistryResult<std::string> read_metadata(const JsonTree* node) {
  return read_part(node, kMetadata, "metadata");
}

RegistryResult<std::string> read_rule_set(const JsonTree* node) {
  return read_part(node, kRuleSet, "ruleSet");
}

bool has_properties(std::string_view metadata,
                    const std::multimap<std::string, std::string>& properties) {
  const auto tree = engine::parse_json_tree(metadata.empty() ? "{}" : metadata);
  const JsonTree* kept = tree ? tree->find("properties") : nullptr;
  return std::ranges::all_of(properties, [&](const auto& wanted) {
    return kept && kept->find(wanted.first) && kept->text_of(wanted.first) == wanted.second;
  });
}

}  // namespace server::http
