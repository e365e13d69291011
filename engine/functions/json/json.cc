// Functions on JSON texts.
#include <algorithm>
#include <numeric>

#include <absl/container/flat_hash_map.h>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/json/json_path.h"
#include "engine/functions/json/json_tree.h"
#include "engine/functions/session_zone.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"
#include "engine/types/text_postgres.h"

namespace engine {

namespace {

using Text = std::string_view;
using Parser = PerBatch<json::Parser>;
using Kind = json::Node::Kind;

// ---- Paths ----

// Keeps the parsed path ($.a[0]) of the last row, because the next row usually has the same path.
class JsonPath {
 public:
  Result<const std::vector<std::string>*> steps(Text path) {
    if (path != text_ || steps_.empty()) {
      steps_ = TRY(parse_json_path(path));
      text_ = path;
    }
    return &steps_;
  }

 private:
  std::string text_;
  std::vector<std::string> steps_;
};

const json::Node* step_into(const json::Node& node, const std::string& step) {
  if (node.kind == Kind::Object) return node.find(step);
  if (node.kind != Kind::Array) return nullptr;
  const auto index = parse_integer(step);
  if (!index || *index < 0 || static_cast<size_t>(*index) >= node.members.size()) return nullptr;
  return &node.members[static_cast<size_t>(*index)].value;
}

Result<std::optional<std::string>> extract_field(Parser& parser, PerBatch<JsonPath>& paths,
                                                 Text text, Text path) {
  const std::vector<std::string>& steps = *TRY(paths->steps(path));
  const json::Node root = TRY(parser->parse(text));
  const json::Node* node = &root;
  for (size_t i = 1; i < steps.size() && node != nullptr; ++i) node = step_into(*node, steps[i]);
  if (node == nullptr || node->kind == Kind::Missing) return std::optional<std::string>();
  return std::optional(json::field_text(*node));
}

// ---- Properties of a JSON text ----

bool is_json_string(Parser& parser, std::optional<Text> text) {
  if (!text) return false;
  const auto node = parser->parse(*text);
  return node && node->kind != Kind::Missing;
}

Result<std::optional<int32_t>> json_array_length(Parser& parser, Text text) {
  const json::Node node = TRY(parser->parse(text));
  if (node.kind != Kind::Array) return std::optional<int32_t>();
  return std::optional(static_cast<int32_t>(node.members.size()));
}

bool is_value(const json::Node& node, const Value& wanted) {
  if (wanted.is_null()) return node.kind == Kind::Null;
  return std::visit(
      [&node](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, bool>)
          return node.kind == Kind::Boolean && (node.text == "true") == value;
        else if constexpr (std::is_integral_v<T>)
          return node.is_integer() && parse_bigint(node.text) == int64_t{value};
        else if constexpr (std::is_same_v<T, double>)
          return node.kind == Kind::Number && !node.is_integer() &&
                 parse_double(node.text) == value;
        else if constexpr (std::is_same_v<T, std::string>)
          return node.kind == Kind::String && node.text == value;
        else
          return false;
      },
      wanted.payload());
}

bool json_array_contains(Parser& parser, std::optional<Text> text, std::optional<Value> wanted) {
  if (!text) return false;
  const auto node = parser->parse(*text);
  if (!node || node->kind != Kind::Array) return false;
  return std::ranges::any_of(node->members, [&](const json::Member& member) {
    return is_value(member.value, wanted.value_or(Value()));
  });
}

// ---- Parts ----

Result<Value> items(Parser& parser, Text text) {
  const json::Node node = TRY(parser->parse(text));
  if (node.kind != Kind::Array)
    return Error{ErrorCode::InvalidText, "the JSON text is not an array"};
  ValueList texts;
  for (const json::Member& member : node.members) {
    std::string item;
    json::append(item, member.value);
    texts.push_back(Value::text(std::move(item)));
  }
  return Value::list(std::move(texts));
}

Result<Value> keys(Parser& parser, Text text) {
  const json::Node node = TRY(parser->parse(text));
  if (node.kind != Kind::Object) return Value();
  ValueList names;
  for (const json::Member& member : node.members) names.push_back(Value::text(member.name));
  return Value::list(std::move(names));
}

Result<Value> records(Parser& parser, Text text) {
  const json::Node node = TRY(parser->parse(text));
  if (node.kind != Kind::Object) return Value();
  ValueMap entries;
  for (const json::Member& member : node.members)
    entries.emplace_back(Value::text(member.name), Value::text(json::field_text(member.value)));
  return Value::map(std::move(entries));
}

// ---- Making JSON ----

json::Node united(const std::vector<json::Node>& objects) {
  json::Node all{Kind::Object, {}, {}};
  absl::flat_hash_map<std::string_view, size_t> places;  // index in all.members, by name
  for (const json::Node& object : objects)
    for (const json::Member& member : object.members) {
      const auto [at, is_new] = places.try_emplace(member.name, all.members.size());
      if (is_new)
        all.members.push_back(member);
      else
        all.members[at->second].value = member.value;
    }
  return all;
}

json::Node joined(const std::vector<json::Node>& nodes) {
  json::Node all{Kind::Array, {}, {}};
  for (const json::Node& node : nodes) {
    if (node.kind == Kind::Array)
      all.members.insert(all.members.end(), node.members.begin(), node.members.end());
    else
      all.members.push_back({{}, node});
  }
  return all;
}

Result<std::optional<std::string>> json_concat(Parser& parser, Variadic<Text> texts) {
  std::vector<json::Node> nodes;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i]) return std::optional<std::string>();
    nodes.push_back(TRY(parser->parse(*texts[i])));
    if (nodes.back().kind == Kind::Missing) return std::optional<std::string>();
  }
  if (nodes.empty()) return std::optional<std::string>();
  const bool are_objects =
      std::ranges::all_of(nodes, [](const json::Node& node) { return node.kind == Kind::Object; });
  std::string text;
  json::append(text, are_objects ? united(nodes) : joined(nodes));
  return std::optional(std::move(text));
}

// Appends a value like append_json_value(), but with the fields of STRUCTs and the keys of MAPs
// sorted by name. Returns false for a MAP with a null key. The recursion is bounded, because the
// depth of types is limited.
bool append_sorted(std::string& out, const Column& column, size_t row);

bool append_struct(std::string& out, const Column& column, size_t row) {
  const auto& fields = column.type().fields();
  std::vector<size_t> order(fields.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return std::string_view(fields[i].name); });
  out += '{';
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, fields[order[i]].name);
    out += ':';
    if (!append_sorted(out, column.child(order[i]), row)) return false;
  }
  out += '}';
  return true;
}

bool append_map(std::string& out, const Column& column, size_t row) {
  std::vector<std::pair<std::string, uint32_t>> order;
  for (uint32_t entry = column.offsets()[row]; entry < column.offsets()[row + 1]; ++entry) {
    const Value key = column.child(0).value_at(entry);
    if (key.is_null()) return false;
    std::string name;
    if (column.type().key().kind() == TypeKind::String)
      name = key.as_string();
    else
      append_json_value(name, column.child(0), entry, JsonTimes::Iso);
    order.emplace_back(std::move(name), entry);
  }
  std::ranges::sort(order);
  out += '{';
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, order[i].first);
    out += ':';
    if (!append_sorted(out, column.child(1), order[i].second)) return false;
  }
  out += '}';
  return true;
}

bool append_sorted(std::string& out, const Column& column, size_t row) {
  if (column.is_null(row)) {
    out += "null";
    return true;
  }
  switch (column.type().kind()) {
    case TypeKind::Struct:
      return append_struct(out, column, row);
    case TypeKind::Map:
      return append_map(out, column, row);
    case TypeKind::Array:
      out += '[';
      for (uint32_t i = column.offsets()[row]; i < column.offsets()[row + 1]; ++i) {
        if (i > column.offsets()[row]) out += ',';
        if (!append_sorted(out, column.child(0), i)) return false;
      }
      out += ']';
      return true;
    default:
      append_json_value(out, column, row, JsonTimes::Iso);
      return true;
  }
}

void to_json_string(KernelCall& call) {
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    text.clear();
    if (append_sorted(text, *call.args[0].column, call.args[0].index(row))) {
      call.out.append_copy(text);
    } else {
      call.errors.add(row, "JSON cannot hold a map with a null key");
      call.out.append_null();
    }
  }
}

// ---- As PostgreSQL's to_json() ----

void append_quoted(std::string& out, Text text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    constexpr Text kEscaped = "\b\f\n\r\t", kLetters = "bfnrt";
    if (const size_t at = kEscaped.find(c); at != Text::npos) {
      out += '\\';
      out += kLetters[at];
    } else if (byte < 0x20) {
      out += "\\u00";
      append_hex(out, {&c, 1}, HexCase::Lower);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

// Converts 2024-01-02 03:04:05+00 to 2024-01-02T03:04:05+00:00.
std::string iso_time(std::string text) {
  const size_t blank = text.find(' ');
  if (blank == std::string::npos) return text;
  text[blank] = 'T';
  const size_t sign = text.find_first_of("+-", blank);
  if (sign != std::string::npos && text.find(':', sign) == std::string::npos) text += ":00";
  return text;
}

// Prints values as PostgreSQL's to_json() does. Fields of rows keep their order. The recursion is
// bounded, because the depth of types is limited.
class PostgresJson {
 public:
  PostgresJson(std::string& out, const TextForms& forms) : out_(out), forms_(forms) {}

  // `type` is the type of the expression: a column does not have the label of a value that was cast, such as to
  // `real`.
  void append(const SqlType& type, const Column& column, size_t row) {
    if (column.is_null(row) || type.kind() == TypeKind::Null) {
      out_ += "null";
      return;
    }
    switch (type.kind()) {
      case TypeKind::Boolean:
        out_ += column.data<uint8_t>()[row] != 0 ? "true" : "false";
        return;
      case TypeKind::Array:
        return append_array(type, column, row);
      case TypeKind::Struct:
        return append_struct(type, column, row);
      case TypeKind::Map:
        append_json_value(out_, column, row, JsonTimes::Iso);
        return;
      default:
        append_scalar(type, column, row);
    }
  }

 private:
  void append_scalar(const SqlType& type, const Column& column, size_t row) {
    std::string text;
    append_postgres_text(text, type, column, row, forms_);
    const PostgresLabel of = type.label();
    const bool is_json = of == label::kJson || of == label::kJsonb;
    const bool is_number = (type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint ||
                            type.kind() == TypeKind::Double || type.kind() == TypeKind::Decimal ||
                            of == label::kNumeric) &&
                           of != label::kOid && is_json_number(text);
    const bool is_time = type.kind() == TypeKind::Timestamp || of == label::kExactTimestamp ||
                         of == label::kExactTimestamptz;
    if (is_json || is_number)
      out_ += text;
    else
      append_quoted(out_, is_time ? iso_time(std::move(text)) : text);
  }
  void append_array(const SqlType& type, const Column& column, size_t row) {
    out_ += '[';
    const uint32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
    for (uint32_t i = begin; i < end; ++i) {
      if (i != begin) out_ += ',';
      append(type.element(), column.child(0), i);
    }
    out_ += ']';
  }
  void append_struct(const SqlType& type, const Column& column, size_t row) {
    out_ += '{';
    const auto& fields = type.fields();
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i != 0) out_ += ',';
      append_quoted(out_, display_name(fields[i].name));
      out_ += ':';
      append(fields[i].type, column.child(i), row);
    }
    out_ += '}';
  }

  std::string& out_;
  const TextForms& forms_;
};

Result<SqlType> json_type(std::span<const SqlType>) {
  return SqlType(TypeKind::String).labelled(label::kJson);
}

void to_json(KernelCall& call) {
  TextForms forms = session_forms(call.context);
  forms.date_style = DateStyle::Iso;
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) return adapters::append_failed_rest(call);
    const Argument& given = call.args[0];
    if (given.is_null(row)) {
      call.out.append_null();
      continue;
    }
    text.clear();
    PostgresJson(text, forms).append(given.type(), *given.column, given.index(row));
    if (call.context.take_bytes(text.size())) {
      call.out.append_copy(text);
    } else {
      call.errors.add(row, call.context.too_large(text.size()));
      call.out.append_null();
    }
  }
}

constexpr FunctionDef kJsonDefs[] = {
    {.name = "EXTRACTJSONFIELD",
     .signature = "(STRING input, STRING path) -> STRING",
     .doc = "The value at a path in a JSON text.",
     .example = R"(EXTRACTJSONFIELD('{"a": {"b": [1, "x"]}}', '$.a.b[1]') = 'x')",
     .kernel = row_kernel<extract_field>},
    {.name = "is_json_string",
     .signature = "(STRING input) -> BOOLEAN",
     .doc = "Whether a text is JSON.",
     .example = "IS_JSON_STRING('[1, 2]')",
     .kernel = row_kernel<is_json_string>},
    {.name = "json_array_contains",
     .signature = "(STRING json_array, T val) -> BOOLEAN",
     .doc = "Whether a JSON array has an element of this type and value.",
     .example = "JSON_ARRAY_CONTAINS('[1, 2]', 2)",
     .kernel = row_kernel<json_array_contains>},
    {.name = "json_array_length",
     .signature = "(STRING json_array) -> INT",
     .doc = "The number of elements of a JSON array.",
     .example = "JSON_ARRAY_LENGTH('[1, 2]') = 2",
     .kernel = row_kernel<json_array_length>},
    {.name = "json_concat",
     .signature = "(STRING... json_strings) -> STRING",
     .doc = "Merges JSON objects; if a value is not an object, joins all values in one array.",
     .example = R"(JSON_CONCAT('{"a": 1}', '{"b": 2}') = '{"a":1,"b":2}')",
     .kernel = row_kernel<json_concat>},
    {.name = "json_items",
     .signature = "(STRING json_items) -> ARRAY<STRING>",
     .doc = "The elements of a JSON array as JSON texts.",
     .example = R"(JSON_ITEMS('[1, "a"]') = ARRAY['1', '"a"'])",
     .kernel = row_kernel<items>},
    {.name = "json_keys",
     .signature = "(STRING json_obj) -> ARRAY<STRING>",
     .doc = "The names of the members of a JSON object.",
     .example = R"(JSON_KEYS('{"a": 1, "b": 2}') = ARRAY['a', 'b'])",
     .kernel = row_kernel<keys>},
    {.name = "json_records",
     .signature = "(STRING json_obj) -> MAP<STRING, STRING>",
     .doc = "The members of a JSON object as a map of texts.",
     .example = R"(JSON_RECORDS('{"a": 1, "b": "x"}')['b'] = 'x')",
     .kernel = row_kernel<records>},
    {.name = "to_json",
     .signature = "(T val) -> STRING",
     .doc = "Any value as JSON, as in PostgreSQL: rows become objects, and JSON stays unchanged.",
     .example = R"(CAST(TO_JSON(ARRAY['a', 'b']) AS VARCHAR) = '["a","b"]')",
     .kernel = to_json,
     .returns = json_type},
    {.name = "to_json_string",
     .signature = "(T val) -> STRING",
     .doc = "Any value as JSON text.",
     .example = "TO_JSON_STRING(ARRAY[1, NULL]) = '[1,null]'",
     .kernel = to_json_string},
};

}  // namespace

const FunctionFamily kJsonFunctions{"JSON", kJsonDefs};

}  // namespace engine
