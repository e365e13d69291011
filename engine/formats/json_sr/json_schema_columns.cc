#include "engine/formats/json_sr/json_schema_columns.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/format.h"
#include "engine/formats/json/json_tree.h"
#include "engine/types/row_limit.h"
#include "engine/types/text_json.h"

namespace engine {

namespace {

constexpr std::string_view kConnectNames = "org.apache.kafka.connect.data.";

// ---- Columns to schema ----

void append_type(std::string& out, const SqlType& type);

void append_optional(std::string& out, const SqlType& type) {
  out += R"("oneOf":[{"type":"null"},{)";
  append_type(out, type);
  out += "}]";
}

void append_properties(std::string& out, std::span<const Field> fields) {
  out += R"("type":"object","properties":{)";
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, fields[i].name);
    out += fmt::format(R"(:{{"connect.index":{},)", i);
    append_optional(out, fields[i].type);
    out += '}';
  }
  out += '}';
}

void append_logical(std::string& out, std::string_view name, std::string_view connect_type) {
  out += fmt::format(R"("type":"integer","title":"{}{}","connect.version":1,"connect.type":"{}")",
                     kConnectNames, name, connect_type);
}

void append_type(std::string& out, const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Boolean:
      out += R"("type":"boolean")";
      break;
    case TypeKind::Integer:
      out += R"("type":"integer","connect.type":"int32")";
      break;
    case TypeKind::Bigint:
      out += R"("type":"integer","connect.type":"int64")";
      break;
    case TypeKind::Double:
      out += R"("type":"number","connect.type":"float64")";
      break;
    case TypeKind::Decimal:
      out += fmt::format(
          R"("type":"number","title":"{}Decimal","connect.version":1,"connect.type":"bytes",)"
          R"("connect.parameters":{{"scale":"{}","connect.decimal.precision":"{}"}})",
          kConnectNames, type.scale(), type.precision());
      break;
    case TypeKind::Bytes:
      out += R"("type":"string","connect.type":"bytes")";
      break;
    case TypeKind::Date:
      append_logical(out, "Date", "int32");
      break;
    case TypeKind::Time:
      append_logical(out, "Time", "int32");
      break;
    case TypeKind::Timestamp:
      append_logical(out, "Timestamp", "int64");
      break;
    case TypeKind::Array:
      out += R"("type":"array","items":{)";
      append_optional(out, type.element());
      out += '}';
      break;
    case TypeKind::Map:
      out += R"("type":"object","connect.type":"map","additionalProperties":{)";
      append_optional(out, type.value());
      out += '}';
      break;
    case TypeKind::Struct:
      append_properties(out, type.fields());
      break;
    default:
      out += R"("type":"string")";
  }
}

// ---- Schema to columns ----

Error cannot(std::string message) {
  return Error{ErrorCode::InvalidStatement, "JSON Schema: " + std::move(message)};
}

class Inference {
 public:
  Inference(const JsonTree& root, NameCase names) : root_(root), names_(names) {}

  Result<SqlType> infer(const JsonTree& node, int depth) {
    if (depth > kMaxSchemaDepth) return cannot("it refers to itself: a column cannot hold that");
    if (++types_ > kMaxRowFields * 4) return too_many_fields();
    if (const JsonTree* reference = node.find("$ref"))
      return infer(*TRY(resolve(reference->text)), depth + 1);
    for (const std::string_view choice : {"oneOf", "anyOf"})
      if (const JsonTree* branches = node.find(choice)) return infer_choice(*branches, depth);
    const JsonTree* said = node.find("type");
    if (said == nullptr && node.find("properties")) return infer_object(node, depth);
    if (said == nullptr && node.find("enum")) return SqlType(TypeKind::String);
    if (said == nullptr) return cannot("a value of any type: a column needs one");
    if (said->kind != JsonKind::Array) return infer_named(said->text, node, depth);
    std::string name;  // the other member of ["null", "string"]
    for (const JsonTree& item : said->items) {
      if (item.text == "null") continue;
      if (!name.empty()) return cannot("a value of several types: a column needs one");
      name = item.text;
    }
    return infer_named(name, node, depth);
  }

 private:
  std::string cased(std::string_view name) const {
    return names_ == NameCase::Upper ? absl::AsciiStrToUpper(std::string(name)) : std::string(name);
  }

  // Resolves a reference within the document, such as "#" or "#/definitions/address". Other
  // references are refused.
  Result<const JsonTree*> resolve(std::string_view reference) const {
    const auto unknown = [&] {
      return cannot(fmt::format(
          "\"{}\" is not supported: a reference must lead to a definition in the same schema",
          reference));
    };
    if (!reference.starts_with('#')) return unknown();
    const JsonTree* at = &root_;
    reference.remove_prefix(1);
    while (!reference.empty()) {
      reference.remove_prefix(1);  // removes the slash
      const size_t end = std::min(reference.find('/'), reference.size());
      const std::string name =
          absl::StrReplaceAll(std::string(reference.substr(0, end)), {{"~1", "/"}, {"~0", "~"}});
      at = at->find(name);
      if (at == nullptr) return unknown();
      reference.remove_prefix(end);
    }
    return at;
  }

  Result<SqlType> infer_choice(const JsonTree& branches, int depth) {
    std::vector<const JsonTree*> others;
    for (const JsonTree& branch : branches.items)
      if (branch.text_of("type") != "null") others.push_back(&branch);
    if (others.size() == 1) return infer(*others.front(), depth + 1);
    if (others.empty()) return cannot("a value that is always null: a column cannot hold that");
    std::vector<Field> fields;
    for (size_t i = 0; i < others.size(); ++i) {
      const std::string title = others[i]->text_of("title");
      SqlType type = TRY(infer(*others[i], depth + 1));
      fields.push_back(
          {title.empty() ? fmt::format("connect_union_field_{}", i) : title, std::move(type)});
      fields.back().name = cased(fields.back().name);
    }
    return SqlType::structure(std::move(fields));
  }

  Result<SqlType> infer_named(const std::string& name, const JsonTree& node, int depth) {
    const std::string connect = node.text_of("connect.type");
    const std::string title = node.text_of("title");
    const auto is_logical = [&](std::string_view logical) {
      return title.starts_with(kConnectNames) && title.substr(kConnectNames.size()) == logical;
    };
    if (is_logical("Decimal")) return decimal_type(node);
    if (is_logical("Date")) return SqlType(TypeKind::Date);
    if (is_logical("Time")) return SqlType(TypeKind::Time);
    if (is_logical("Timestamp")) return SqlType(TypeKind::Timestamp);
    if (name == "boolean") return SqlType(TypeKind::Boolean);
    if (name == "integer") {
      const bool is_small = connect == "int8" || connect == "int16" || connect == "int32";
      return SqlType(is_small ? TypeKind::Integer : TypeKind::Bigint);
    }
    if (name == "number") return SqlType(TypeKind::Double);
    if (name == "string") return SqlType(connect == "bytes" ? TypeKind::Bytes : TypeKind::String);
    if (name == "array") {
      const JsonTree* items = node.find("items");
      if (items == nullptr || items->kind != JsonKind::Object)
        return cannot("an array must declare its items");
      return SqlType::array(TRY(infer(*items, depth + 1)));
    }
    if (name == "object") return infer_object(node, depth);
    return cannot(fmt::format("values of type \"{}\" cannot be in a column", name));
  }

  static Result<SqlType> decimal_type(const JsonTree& node) {
    const JsonTree* parameters = node.find("connect.parameters");
    const auto number = [&](std::string_view name, int otherwise) {
      int value = 0;
      const bool is_given = parameters != nullptr && parameters->find(name) != nullptr;
      return is_given && absl::SimpleAtoi(parameters->text_of(name), &value) ? value : otherwise;
    };
    // Connect writes only the scale, and the precision 64 for a NUMERIC without a precision in the
    // database.
    const int scale = number("scale", 0);
    const int precision =
        std::min(number("connect.decimal.precision", kMaxDecimalPrecision), kMaxDecimalPrecision);
    if (precision < 1 || scale < 0 || scale > precision)
      return cannot(fmt::format("DECIMAL({}, {}) is not supported: the precision can be up to {}",
                                precision, scale, kMaxDecimalPrecision));
    return SqlType::decimal(precision, scale);
  }

  Result<SqlType> infer_object(const JsonTree& node, int depth) {
    const JsonTree* properties = node.find("properties");
    const JsonTree* others = node.find("additionalProperties");
    const bool is_map = node.text_of("connect.type") == "map" || properties == nullptr;
    if (is_map && others != nullptr && others->kind == JsonKind::Object)
      return SqlType::map(TypeKind::String, TRY(infer(*others, depth + 1)));
    if (properties == nullptr || properties->members.empty())
      return cannot("an object must declare its properties");
    std::vector<const std::pair<std::string, JsonTree>*> ordered;
    for (const auto& member : properties->members) ordered.push_back(&member);
    std::ranges::stable_sort(ordered, {}, [](const auto* member) {
      const JsonTree* index = member->second.find("connect.index");
      int number = 0;
      return index && absl::SimpleAtoi(index->text, &number) ? number : INT32_MAX;
    });
    std::vector<Field> fields;
    for (const auto* member : ordered) {
      // TRY returns if infer() fails, so it is not used within the call of push_back()
      SqlType type = TRY(infer(member->second, depth + 1));
      fields.push_back({cased(member->first), std::move(type)});
    }
    return SqlType::structure(std::move(fields));
  }

  const JsonTree& root_;
  const NameCase names_;
  size_t types_ = 0;
};

}  // namespace

std::string derive_json_schema(std::span<const ColumnDef> columns, bool wrapped) {
  std::string out = "{";
  if (wrapped) {
    std::vector<Field> fields;
    for (const ColumnDef& column : columns) fields.push_back({column.name, column.type});
    append_properties(out, fields);
  } else {
    append_optional(out, columns.front().type);
  }
  return out + "}";
}

Result<SqlType> sql_type_of_json_schema(const SchemaText& schema, NameCase names) {
  if (schema.text.size() > kMaxSchemaSize)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("the schema has more than {} bytes", kMaxSchemaSize)};
  const JsonTree root = TRY(parse_json_tree(schema.text));
  return Inference(root, names).infer(root, 0);
}

}  // namespace engine
