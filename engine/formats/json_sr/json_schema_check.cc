#include "engine/formats/json_sr/json_schema_check.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

namespace engine {

namespace {

// Limit on the depth of a check. A check by a recursive schema normally ends where the value ends;
// if it does not, it ends at this depth.
constexpr int kMaxSchemaCheckDepth = 500;
// Limit on the compiled size of one pattern.
constexpr int64_t kMaxPatternBytes = 1 << 20;
constexpr size_t kMaxPatterns = 1'000;
// Number of names whose comparison costs one step of the check (see spend()).
constexpr size_t kLooksOfStep = 8;

long double number_of(const JsonTree& node) { return std::strtold(node.text.c_str(), nullptr); }

bool is_whole(const JsonTree& node) {
  const long double number = number_of(node);
  return std::isfinite(number) && std::floor(number) == number;
}

size_t characters_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

bool is_of_type(const JsonTree& value, std::string_view type) {
  switch (value.kind) {
    case JsonKind::Null:
      return type == "null";
    case JsonKind::Boolean:
      return type == "boolean";
    case JsonKind::Number:
      return type == "number" || (type == "integer" && is_whole(value));
    case JsonKind::String:
      return type == "string";
    case JsonKind::Array:
      return type == "array";
    case JsonKind::Object:
      return type == "object";
  }
  return false;
}

// Resolves a JSON pointer ("/definitions/Address"). Returns nullptr if the part does not exist.
const JsonTree* at_pointer(const JsonTree& root, std::string_view pointer) {
  const JsonTree* node = &root;
  while (node && !pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string name =
        absl::StrReplaceAll(std::string(pointer.substr(0, end)), {{"~1", "/"}, {"~0", "~"}});
    if (node->kind == JsonKind::Array) {
      const size_t index = static_cast<size_t>(std::strtoul(name.c_str(), nullptr, 10));
      node = index < node->items.size() ? &node->items[index] : nullptr;
    } else {
      node = node->find(name);
    }
    pointer.remove_prefix(end);
  }
  return node;
}

// Finds the part of a schema with "$anchor": "name" or "$id": "#name".
const JsonTree* find_anchor(const JsonTree& node, std::string_view name, int depth = 0) {
  if (depth > kMaxSchemaDepth) return nullptr;
  if (node.text_of("$anchor") == name || node.text_of("$id") == "#" + std::string(name))
    return &node;
  for (const auto& [key, member] : node.members)
    if (const JsonTree* found = find_anchor(member, name, depth + 1)) return found;
  for (const JsonTree& item : node.items)
    if (const JsonTree* found = find_anchor(item, name, depth + 1)) return found;
  return nullptr;
}

}  // namespace

// Checks one value. A problem is an error, after which anyOf and similar keywords try the next
// schema.
class JsonSchemaCheck::Walk {
 public:
  explicit Walk(JsonSchemaCheck& owner) : owner_(owner), left_(owner.left_) {}

  Status check(const JsonTree& value, const JsonTree& schema, const Document& document,
               const std::string& path, int depth) {
    if (left_ == 0 || depth > kMaxSchemaCheckDepth)
      return Error{ErrorCode::LimitExceeded,
                   "the value is too large, or its schema too intricate, to be checked"};
    --left_;
    if (schema.kind == JsonKind::Boolean)
      return schema.boolean ? Status() : wrong(path, "nothing may be here");
    if (schema.kind != JsonKind::Object) return {};
    const At at{value, schema, document, path, depth + 1};
    if (const JsonTree* reference = schema.find("$ref");
        reference && reference->kind == JsonKind::String) {
      const auto [part, of] = TRY(resolve(reference->text, document));
      TRY(check(value, *part, *of, path, at.depth));
    }
    TRY(check_kind(at));
    TRY(check_combinations(at));
    switch (value.kind) {
      case JsonKind::Number:
        return check_number(at);
      case JsonKind::String:
        return check_text(at);
      case JsonKind::Array:
        return check_items(at);
      case JsonKind::Object:
        return check_members(at);
      default:
        return {};
    }
  }

 private:
  struct At {
    const JsonTree& value;
    const JsonTree& schema;
    const Document& document;
    const std::string& path;
    int depth;
  };

  static Error wrong(const std::string& path, std::string_view what) {
    return Error{ErrorCode::InvalidText, fmt::format("#{}: {}", path, what)};
  }
  // Subtracts steps for comparisons and searches from left_; check() itself subtracts one step per call.
  void spend(size_t looks) { left_ -= std::min<uint64_t>(left_, looks); }
  // Returns whether the value is valid. Fails if the limit is reached.
  Result<bool> fits(const At& at, const JsonTree& schema) {
    const Status checked = check(at.value, schema, at.document, at.path, at.depth);
    if (!checked && checked.error().code == ErrorCode::LimitExceeded) return checked.error();
    return checked.has_value();
  }
  static std::optional<long double> number(const At& at, std::string_view word) {
    const JsonTree* node = at.schema.find(word);
    if (!node || node->kind != JsonKind::Number) return std::nullopt;
    return number_of(*node);
  }

  // Resolves a reference. Each reference is resolved once and then cached.
  Result<Place> resolve(const std::string& reference, const Document& from) const {
    const auto key = std::pair(&from, reference);
    const auto known = owner_.places_.find(key);
    if (known != owner_.places_.end()) return known->second;
    return owner_.places_[key] = TRY(find_place(reference, from));
  }
  Result<Place> find_place(const std::string& reference, const Document& from) const {
    const size_t hash = std::min(reference.find('#'), reference.size());
    const std::string name = reference.substr(0, hash);
    const std::string fragment = hash < reference.size() ? reference.substr(hash + 1) : "";
    const Document* document = name.empty() ? &from : nullptr;
    for (const Document& each : owner_.documents_)
      if (!document && (each.name == name || each.tree.text_of("$id") == name)) document = &each;
    const JsonTree* part = nullptr;
    if (document)
      part = fragment.empty() || fragment.front() == '/' ? at_pointer(document->tree, fragment)
                                                         : find_anchor(document->tree, fragment);
    if (!part)
      return Error{ErrorCode::InvalidText,
                   fmt::format("the schema refers to {}, which does not exist", reference)};
    return Place(part, document);
  }

  Status check_kind(const At& at) {
    if (const JsonTree* type = at.schema.find("type")) {
      const bool fits_one = type->kind == JsonKind::Array
                                ? std::ranges::any_of(type->items,
                                                      [&](const JsonTree& one) {
                                                        return is_of_type(at.value, one.text);
                                                      })
                                : is_of_type(at.value, type->text);
      if (!fits_one) return wrong(at.path, "expected type: " + json_tree_text(*type));
    }
    const JsonTree* words = at.schema.find("enum");
    if (words && std::ranges::none_of(
                     words->items, [&](const JsonTree& word) { return is_same(at.value, word); }))
      return wrong(at.path, "the value is not one of the enum");
    const JsonTree* constant = at.schema.find("const");
    if (constant && !is_same(at.value, *constant)) return wrong(at.path, "it is not the constant");
    return {};
  }

  // Returns whether two values are equal. 1 and 1.0 are the same number, and the order of members
  // does not count.
  bool is_same(const JsonTree& a, const JsonTree& b) {
    spend(1 + a.members.size());  // each member of one value is searched among those of the other
    if (left_ == 0 || a.kind != b.kind) return false;
    switch (a.kind) {
      case JsonKind::Number:
        return number_of(a) == number_of(b);
      case JsonKind::Array:
        return std::ranges::equal(
            a.items, b.items,
            [this](const JsonTree& one, const JsonTree& other) { return is_same(one, other); });
      case JsonKind::Object:
        return a.members.size() == b.members.size() &&
               std::ranges::all_of(a.members, [&](const auto& member) {
                 const JsonTree* other = b.find(member.first);
                 return other && is_same(member.second, *other);
               });
      default:
        return a == b;
    }
  }

  Status check_combinations(const At& at) {
    if (const JsonTree* all = at.schema.find("allOf"))
      for (const JsonTree& each : all->items)
        TRY(check(at.value, each, at.document, at.path, at.depth));
    if (const JsonTree* any = at.schema.find("anyOf")) {
      bool fits_one = any->items.empty();
      for (const JsonTree& each : any->items) fits_one = fits_one || TRY(fits(at, each));
      if (!fits_one) return wrong(at.path, "it fits none of anyOf");
    }
    if (const JsonTree* one = at.schema.find("oneOf")) {
      size_t count = 0;
      for (const JsonTree& each : one->items) count += TRY(fits(at, each)) ? 1 : 0;
      if (count != 1) return wrong(at.path, fmt::format("it fits {} of oneOf, not one", count));
    }
    if (const JsonTree* no = at.schema.find("not"); no && TRY(fits(at, *no)))
      return wrong(at.path, "it matches the schema that it must not match");
    if (const JsonTree* condition = at.schema.find("if")) {
      const bool holds = TRY(fits(at, *condition));
      if (const JsonTree* then = at.schema.find(holds ? "then" : "else"))
        TRY(check(at.value, *then, at.document, at.path, at.depth));
    }
    return {};
  }

  Status check_number(const At& at) {
    const long double value = number_of(at.value);
    // In draft 4, exclusiveMinimum and exclusiveMaximum are flags.
    const auto is_exclusive = [&](std::string_view word) {
      const JsonTree* flag = at.schema.find(word);
      return flag && flag->kind == JsonKind::Boolean && flag->boolean;
    };
    if (const auto least = number(at, "minimum"))
      if (value < *least || (value == *least && is_exclusive("exclusiveMinimum")))
        return wrong(at.path, fmt::format("{} is too small", at.value.text));
    if (const auto most = number(at, "maximum"))
      if (value > *most || (value == *most && is_exclusive("exclusiveMaximum")))
        return wrong(at.path, fmt::format("{} is too large", at.value.text));
    if (const auto below = number(at, "exclusiveMinimum"); below && value <= *below)
      return wrong(at.path, fmt::format("{} is too small", at.value.text));
    if (const auto above = number(at, "exclusiveMaximum"); above && value >= *above)
      return wrong(at.path, fmt::format("{} is too large", at.value.text));
    if (const auto step = number(at, "multipleOf"); step && *step > 0) {
      const long double times = value / *step;
      constexpr long double kNear = 1e-9L;
      if (std::fabs(times - std::round(times)) > kNear * std::max(1.0L, std::fabs(times)))
        return wrong(at.path, fmt::format("{} is not a multiple", at.value.text));
    }
    return {};
  }

  Status check_text(const At& at) {
    const auto length = static_cast<long double>(characters_of(at.value.text));
    if (const auto least = number(at, "minLength"); least && length < *least)
      return wrong(at.path, "the text is too short");
    if (const auto most = number(at, "maxLength"); most && length > *most)
      return wrong(at.path, "the text is too long");
    const JsonTree* pattern = at.schema.find("pattern");
    if (pattern && pattern->kind == JsonKind::String && !matches(pattern->text, at.value.text))
      return wrong(at.path, "the text does not match the pattern");
    return {};
  }

  bool matches(const std::string& pattern, const std::string& text) {
    const re2::RE2* compiled = owner_.pattern(pattern);
    return !compiled || re2::RE2::PartialMatch(text, *compiled);
  }

  Status check_items(const At& at) {
    const std::vector<JsonTree>& items = at.value.items;
    const auto count = static_cast<long double>(items.size());
    if (const auto least = number(at, "minItems"); least && count < *least)
      return wrong(at.path, "the array is too short");
    if (const auto most = number(at, "maxItems"); most && count > *most)
      return wrong(at.path, "the array is too long");
    // Before draft 2020-12, `items` may be a list, and `additionalItems` applies to the other
    // items.
    const JsonTree* rest = at.schema.find("items");
    const JsonTree* first = at.schema.find("prefixItems");
    if (!first && rest && rest->kind == JsonKind::Array)
      first = std::exchange(rest, at.schema.find("additionalItems"));
    for (size_t i = 0; i < items.size(); ++i) {
      const JsonTree* schema = first && i < first->items.size() ? &first->items[i] : rest;
      if (schema)
        TRY(check(items[i], *schema, at.document, fmt::format("{}/{}", at.path, i), at.depth));
    }
    TRY(check_contains(at));
    const JsonTree* unique = at.schema.find("uniqueItems");
    if (unique && unique->boolean)
      for (size_t i = 0; i < items.size(); ++i)
        for (size_t j = 0; j < i; ++j) {
          if (is_same(items[i], items[j])) return wrong(at.path, "its items are not unique");
          if (left_ == 0) return check(at.value, at.schema, at.document, at.path, at.depth);
        }
    return {};
  }

  Status check_contains(const At& at) {
    const JsonTree* contained = at.schema.find("contains");
    if (!contained) return {};
    long double found = 0;
    for (const JsonTree& item : at.value.items)
      found += TRY(fits({item, *contained, at.document, at.path, at.depth}, *contained)) ? 1 : 0;
    if (found < number(at, "minContains").value_or(1) ||
        found > number(at, "maxContains").value_or(INFINITY))
      return wrong(at.path, "too few or too many of its items are as one must be");
    return {};
  }

  Status check_members(const At& at) {
    const auto& members = at.value.members;
    const auto count = static_cast<long double>(members.size());
    if (const auto least = number(at, "minProperties"); least && count < *least)
      return wrong(at.path, "the object has too few members");
    if (const auto most = number(at, "maxProperties"); most && count > *most)
      return wrong(at.path, "the object has too many members");
    if (const JsonTree* required = at.schema.find("required");
        required && required->kind == JsonKind::Array)
      TRY(check_there(at, *required));
    const JsonTree* names = at.schema.find("propertyNames");
    for (const auto& [name, member] : members) {
      if (names)
        TRY(check({.kind = JsonKind::String, .text = name}, *names, at.document, at.path,
                  at.depth));
      TRY(check_member(at, name, member));
    }
    for (const char* word : {"dependencies", "dependentRequired", "dependentSchemas"})
      if (const JsonTree* all = at.schema.find(word)) TRY(check_dependencies(at, *all));
    return {};
  }

  Status check_there(const At& at, const JsonTree& names) {
    spend(names.items.size() * at.value.members.size() / kLooksOfStep);
    for (const JsonTree& name : names.items)
      if (!at.value.find(name.text))
        return wrong(at.path, fmt::format("required key [{}] not found", name.text));
    return {};
  }

  Status check_member(const At& at, const std::string& name, const JsonTree& member) {
    const std::string path = fmt::format("{}/{}", at.path, name);
    bool is_known = false;
    if (const JsonTree* properties = at.schema.find("properties")) {
      spend(properties->members.size() / kLooksOfStep);
      if (const JsonTree* schema = properties->find(name)) {
        is_known = true;
        TRY(check(member, *schema, at.document, path, at.depth));
      }
    }
    if (const JsonTree* patterns = at.schema.find("patternProperties"))
      for (const auto& [pattern, schema] : patterns->members) {
        spend(1);
        if (!matches(pattern, name)) continue;
        is_known = true;
        TRY(check(member, schema, at.document, path, at.depth));
      }
    const JsonTree* others = at.schema.find("additionalProperties");
    if (is_known || !others) return {};
    if (others->kind == JsonKind::Boolean && !others->boolean)
      return wrong(at.path, fmt::format("extraneous key [{}] is not permitted", name));
    return check(member, *others, at.document, path, at.depth);
  }

  Status check_dependencies(const At& at, const JsonTree& all) {
    for (const auto& [name, needed] : all.members) {
      if (!at.value.find(name)) continue;
      if (needed.kind == JsonKind::Array)
        TRY(check_there(at, needed));
      else
        TRY(check(at.value, needed, at.document, at.path, at.depth));
    }
    return {};
  }

  JsonSchemaCheck& owner_;
  uint64_t& left_;
};

JsonSchemaCheck::JsonSchemaCheck(uint64_t max_steps) : left_(max_steps) {}
JsonSchemaCheck::~JsonSchemaCheck() = default;

Result<std::unique_ptr<JsonSchemaCheck>> JsonSchemaCheck::make(const SchemaText& schema,
                                                               uint64_t max_steps) {
  std::unique_ptr<JsonSchemaCheck> check(new JsonSchemaCheck(max_steps));
  for (const SchemaText::Reference& reference : schema.references)
    check->documents_.push_back({reference.name, TRY(parse_json_tree(reference.text))});
  check->documents_.push_back({"", TRY(parse_json_tree(schema.text))});
  return check;
}

// Returns the compiled pattern; nullptr for a pattern that cannot be checked.
const re2::RE2* JsonSchemaCheck::pattern(const std::string& text) {
  const auto known = patterns_.find(text);
  if (known != patterns_.end()) return known->second->ok() ? known->second.get() : nullptr;
  if (patterns_.size() >= kMaxPatterns) return nullptr;
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(kMaxPatternBytes);
  const auto& compiled =
      patterns_.emplace(text, std::make_unique<re2::RE2>(text, options)).first->second;
  return compiled->ok() ? compiled.get() : nullptr;
}

Status JsonSchemaCheck::check(const JsonTree& value) {
  const Document& own = documents_.back();
  return Walk(*this).check(value, own.tree, own, "", 0);
}

}  // namespace engine
