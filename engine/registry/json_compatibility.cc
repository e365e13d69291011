// Checks whether one JSON Schema allows every document that the other allows, as far as their keywords can be compared.
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/formats/json/json_tree.h"
#include "engine/registry/compatibility.h"

namespace engine {

namespace {

constexpr size_t kMaxJsonProblems = 20;
constexpr size_t kMaxJsonComparisons = 20'000;
// Steps for comparing two schemas, and for each member of them, because about thirty keywords are looked up among the
// members. A comparison of two equal values costs kStepsOfMember, too.
constexpr int64_t kStepsOfJsonCheck = 300, kStepsOfMember = 5;

int64_t json_count_of(size_t size) { return static_cast<int64_t>(size); }

// Returns the size of the part of the schema that one comparison visits: the keywords, and the names and values in
// them.
int64_t width_of(const JsonTree& schema) {
  size_t width = schema.members.size();
  for (const auto& [name, member] : schema.members)
    width += member.members.size() + member.items.size();
  return json_count_of(width);
}

// A keyword that bounds documents. For some keywords a larger bound is stricter, for others a smaller bound.
struct Bound {
  std::string_view word;
  bool larger_is_stricter;
};
constexpr Bound kBounds[] = {{"minLength", true},        {"maxLength", false},
                             {"minimum", true},          {"maximum", false},
                             {"exclusiveMinimum", true}, {"exclusiveMaximum", false},
                             {"minItems", true},         {"maxItems", false},
                             {"minProperties", true},    {"maxProperties", false}};
// Keywords whose restrictions are comparable only if they are equal.
constexpr std::string_view kExactWords[] = {"pattern", "multipleOf", "const", "format"};

const JsonTree& anything() {
  static const JsonTree kTrue{.kind = JsonKind::Boolean, .boolean = true};
  return kTrue;
}

bool allows_anything(const JsonTree& schema) {
  return (schema.kind == JsonKind::Boolean && schema.boolean) ||
         (schema.kind == JsonKind::Object && schema.members.empty());
}
bool allows_nothing(const JsonTree& schema) {
  return schema.kind == JsonKind::Boolean && !schema.boolean;
}

std::optional<double> number_of(const JsonTree& schema, std::string_view word) {
  const JsonTree* member = schema.find(word);
  double number = 0;
  if (!member || member->kind != JsonKind::Number || !absl::SimpleAtod(member->text, &number))
    return std::nullopt;
  return number;
}

std::set<std::string> types_of(const JsonTree& schema) {
  std::set<std::string> types;
  if (const JsonTree* type = schema.find("type")) {
    if (type->kind == JsonKind::String) types.insert(type->text);
    for (const JsonTree& item : type->items) types.insert(item.text);
  }
  return types;
}

std::set<std::string> required_of(const JsonTree& schema) {
  std::set<std::string> names;
  if (const JsonTree* required = schema.find("required"))
    for (const JsonTree& name : required->items) names.insert(name.text);
  return names;
}

class JsonComparison {
 public:
  JsonComparison(const JsonTree& reader, const JsonTree& writer,
                 const std::map<std::string, JsonTree>& reader_references,
                 const std::map<std::string, JsonTree>& writer_references, Effort& effort)
      : effort_(effort),
        reader_root_(reader),
        writer_root_(writer),
        reader_references_(reader_references),
        writer_references_(writer_references) {}

  std::vector<std::string> run() {
    check(reader_root_, writer_root_, "#/");
    return std::move(problems_);
  }

 private:
  bool fail(const std::string& path, std::string_view kind) {
    if (is_quiet_ == 0 && problems_.size() < kMaxJsonProblems)
      problems_.push_back(
          fmt::format(R"({{errorType:"{}", description:"at path {}"}})", kind, path));
    return false;
  }

  const JsonTree* resolve(const JsonTree& schema, const JsonTree& root,
                          const std::map<std::string, JsonTree>& references) {
    const JsonTree* at = &schema;
    for (int hops = 0; hops < 32; ++hops) {
      const JsonTree* reference = at->find("$ref");
      if (!reference) return at;
      std::string_view path = reference->text;
      const JsonTree* next = &root;
      if (!path.starts_with('#')) {
        const size_t hash = std::min(path.find('#'), path.size());
        const auto known = references.find(std::string(path.substr(0, hash)));
        if (known == references.end()) return &anything();
        next = &known->second;
        path.remove_prefix(hash);
      }
      if (!path.empty()) path.remove_prefix(1);
      while (!path.empty() && next) {
        path.remove_prefix(1);
        const size_t end = std::min(path.find('/'), path.size());
        if (!effort_.spend(json_count_of(next->members.size()))) return &anything();
        next = next->find(path.substr(0, end));
        path.remove_prefix(end);
      }
      if (!next) return &anything();
      at = next;
    }
    return &anything();
  }

  bool check(const JsonTree& reader_node, const JsonTree& writer_node, const std::string& path) {
    const JsonTree& reader = *resolve(reader_node, reader_root_, reader_references_);
    const JsonTree& writer = *resolve(writer_node, writer_root_, writer_references_);
    if (!effort_.spend(kStepsOfJsonCheck)) return false;
    const auto [known, is_new] = compared_.emplace(std::pair(&reader, &writer), true);
    if (!is_new) return known->second;
    if (compared_.size() > kMaxJsonComparisons) return fail(path, "SCHEMA_TOO_LARGE_TO_COMPARE");
    if (!effort_.spend(kStepsOfMember * (width_of(reader) + width_of(writer)))) return false;
    const bool ok = compare(reader, writer, path);
    compared_[{&reader, &writer}] = ok;
    return ok;
  }

  static const JsonTree* choices_of(const JsonTree& schema) {
    for (const std::string_view word : {"oneOf", "anyOf"})
      if (const JsonTree* choices = schema.find(word)) return choices;
    return nullptr;
  }

  bool compare(const JsonTree& reader, const JsonTree& writer, const std::string& path) {
    if (allows_anything(reader) || allows_nothing(writer)) return true;
    if (allows_nothing(reader)) return fail(path, "SCHEMA_REMOVED");
    if (allows_anything(writer)) return fail(path, "SCHEMA_ADDED");
    const JsonTree* written = choices_of(writer);
    const JsonTree* read = choices_of(reader);
    if (written) {
      for (size_t i = 0; i < written->items.size(); ++i)
        if (!is_possible(reader, written->items[i]))
          return fail(path, read ? "COMBINED_TYPE_SUBSCHEMAS_CHANGED" : "SUM_TYPE_NARROWED");
      return true;
    }
    if (read) {
      for (const JsonTree& choice : read->items)
        if (is_possible(choice, writer)) return true;
      return fail(path, "SUM_TYPE_NARROWED");
    }
    if (const JsonTree* all = reader.find("allOf")) {
      bool ok = true;
      const JsonTree* others = writer.find("allOf");
      for (const JsonTree& part : all->items) {
        const bool is_met =
            is_possible(part, writer) ||
            (others && std::ranges::any_of(others->items, [&](const JsonTree& other) {
               return is_possible(part, other);
             }));
        if (!is_met) ok = fail(path, "PRODUCT_TYPE_EXTENDED");
      }
      return ok;
    }
    return compare_types(reader, writer, path) && compare_words(reader, writer, path) &&
           compare_objects(reader, writer, path) && compare_arrays(reader, writer, path);
  }

  bool is_possible(const JsonTree& reader, const JsonTree& writer) {
    ++is_quiet_;
    const bool ok = check(reader, writer, "");
    --is_quiet_;
    return ok;
  }

  bool compare_types(const JsonTree& reader, const JsonTree& writer, const std::string& path) {
    const std::set<std::string> read = types_of(reader), written = types_of(writer);
    if (read.empty()) return true;
    if (written.empty()) return fail(path, "TYPE_NARROWED");
    for (const std::string& type : written)
      if (!read.contains(type) && !(type == "integer" && read.contains("number")))
        return fail(
            path, read.contains("integer") && type == "number" ? "TYPE_NARROWED" : "TYPE_CHANGED");
    return true;
  }

  bool compare_words(const JsonTree& reader, const JsonTree& writer, const std::string& path) {
    bool ok = true;
    for (const Bound& bound : kBounds) {
      const auto read = number_of(reader, bound.word), written = number_of(writer, bound.word);
      if (!read) continue;
      if (!written || (bound.larger_is_stricter ? *read > *written : *read < *written))
        ok = fail(fmt::format("{}/{}", path, bound.word),
                  written ? "BOUND_NARROWED" : "BOUND_ADDED");
    }
    for (const std::string_view word : kExactWords) {
      const JsonTree* read = reader.find(word);
      const JsonTree* written = writer.find(word);
      if (read && word != "format" && (!written || !(*read == *written)))
        ok = fail(fmt::format("{}/{}", path, word), written ? "WORD_CHANGED" : "WORD_ADDED");
    }
    const JsonTree* unique = reader.find("uniqueItems");
    const JsonTree* was_unique = writer.find("uniqueItems");
    if (unique && unique->boolean && !(was_unique && was_unique->boolean))
      ok = fail(path + "/uniqueItems", "UNIQUE_ITEMS_ADDED");
    if (const JsonTree* allowed = reader.find("enum")) {
      const JsonTree* written = writer.find("enum");
      if (!written) return fail(path + "/enum", "ENUM_ADDED");
      for (const JsonTree& value : written->items) {
        if (!effort_.spend(json_count_of(allowed->items.size()))) return false;
        if (std::ranges::find(allowed->items, value) == allowed->items.end())
          return fail(path + "/enum", "ENUM_ARRAY_NARROWED");
      }
    }
    return ok;
  }

  bool compare_objects(const JsonTree& reader, const JsonTree& writer, const std::string& path) {
    static const JsonTree kNone{.kind = JsonKind::Object};
    const auto member = [](const JsonTree& schema, std::string_view word,
                           const JsonTree& otherwise) {
      const JsonTree* found = schema.find(word);
      return found ? found : &otherwise;
    };
    const JsonTree& read = *member(reader, "properties", kNone);
    const JsonTree& written = *member(writer, "properties", kNone);
    const JsonTree& read_others = *member(reader, "additionalProperties", anything());
    const JsonTree& written_others = *member(writer, "additionalProperties", anything());
    std::map<std::string_view, const JsonTree*> by_name, written_by_name;
    for (const auto& [name, schema] : read.members) by_name[name] = &schema;
    for (const auto& [name, schema] : written.members) written_by_name[name] = &schema;
    bool ok = true;
    for (const auto& [name, schema] : written.members) {
      const std::string at = fmt::format("{}/properties/{}", path, name);
      const auto same = by_name.find(name);
      if (same != by_name.end())
        ok &= check(*same->second, schema, at);
      else if (allows_nothing(read_others))
        ok = fail(at, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL");
      else if (!allows_anything(read_others) && !is_possible(read_others, schema))
        ok = fail(at, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
    }
    const std::set<std::string> required = required_of(reader), was_required = required_of(writer);
    for (const auto& [name, schema] : read.members) {
      if (written_by_name.contains(name)) continue;
      const std::string at = fmt::format("{}/properties/{}", path, name);
      if (allows_anything(written_others) && !allows_anything(schema))
        ok = fail(at, "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL");
      else if (!allows_nothing(written_others) && !is_possible(schema, written_others))
        ok = fail(at, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
      else if (required.contains(name) && !schema.find("default"))
        ok = fail(at, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL");
    }
    for (const std::string& name : required) {
      const auto there = written_by_name.find(name);
      if (was_required.contains(name) || there == written_by_name.end()) continue;
      const auto now = by_name.find(name);
      if (now == by_name.end() || !now->second->find("default"))
        ok = fail(fmt::format("{}/required/{}", path, name), "REQUIRED_ATTRIBUTE_ADDED");
    }
    if (!allows_anything(read_others) && allows_anything(written_others))
      ok = fail(path + "/additionalProperties", "ADDITIONAL_PROPERTIES_REMOVED");
    else if (!allows_anything(read_others) && !allows_nothing(written_others))
      ok &= check(read_others, written_others, path + "/additionalProperties");
    return ok;
  }

  bool compare_arrays(const JsonTree& reader, const JsonTree& writer, const std::string& path) {
    const JsonTree* read = reader.find("items");
    const JsonTree* written = writer.find("items");
    if (!read) return true;
    if (!written) return check(*read, anything(), path + "/items");
    if (read->kind != JsonKind::Array || written->kind != JsonKind::Array)
      return check(*read, *written, path + "/items");
    bool ok = true;
    for (size_t i = 0; i < std::min(read->items.size(), written->items.size()); ++i)
      ok &= check(read->items[i], written->items[i], fmt::format("{}/items/{}", path, i));
    return ok;
  }

  Effort& effort_;
  const JsonTree& reader_root_;
  const JsonTree& writer_root_;
  const std::map<std::string, JsonTree>& reader_references_;
  const std::map<std::string, JsonTree>& writer_references_;
  std::map<std::pair<const JsonTree*, const JsonTree*>, bool> compared_;
  std::vector<std::string> problems_;
  int is_quiet_ = 0;  // > 0 within a choice, where another branch may fit: no problem is recorded
};

std::map<std::string, JsonTree> references_of(const SchemaText& schema) {
  std::map<std::string, JsonTree> trees;
  for (const SchemaText::Reference& reference : schema.references)
    if (auto tree = parse_json_tree(reference.text)) trees[reference.name] = *std::move(tree);
  return trees;
}

}  // namespace

std::vector<std::string> json_read_problems(const SchemaText& reader, const SchemaText& writer,
                                            Effort& effort) {
  const auto from = parse_json_tree(writer.text), to = parse_json_tree(reader.text);
  if (!from) return {from.error().message};
  if (!to) return {to.error().message};
  const auto reader_references = references_of(reader), writer_references = references_of(writer);
  return JsonComparison(*to, *from, reader_references, writer_references, effort).run();
}

}  // namespace engine
