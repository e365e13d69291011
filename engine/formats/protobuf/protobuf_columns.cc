#include "engine/formats/protobuf/protobuf_columns.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/formats/format.h"
#include "engine/types/row_limit.h"

namespace engine {

namespace {

class ProtobufInference {
 public:
  explicit ProtobufInference(NameCase names) : names_(names) {}

  Result<SqlType> message(const ProtobufMessage& from, int depth) {
    if (depth > kMaxSchemaDepth)
      return cannot(
          fmt::format("message {} refers to itself: a column cannot hold that", from.full_name));
    if (from.fields.empty()) return cannot(fmt::format("message {} has no fields", from.full_name));
    std::vector<Field> fields;
    std::vector<bool> seen(from.oneofs.size());
    for (const ProtobufField& field : from.fields) {
      if (field.oneof_index < 0) {
        fields.push_back(TRY(column_of(field, depth)));
        continue;
      }
      const auto index = static_cast<size_t>(field.oneof_index);
      if (seen[index]) continue;
      seen[index] = true;
      const ProtobufOneof& oneof = from.oneofs[index];
      std::vector<Field> members;
      for (const size_t member : oneof.fields)
        members.push_back(TRY(column_of(from.fields[member], depth)));
      fields.push_back({cased(oneof.column_name), SqlType::structure(std::move(members))});
    }
    return SqlType::structure(std::move(fields));
  }

 private:
  static Error cannot(std::string message) {
    return Error{ErrorCode::InvalidStatement, std::move(message)};
  }

  std::string cased(const std::string& name) const {
    return names_ == NameCase::Upper ? absl::AsciiStrToUpper(name) : name;
  }

  Result<Field> column_of(const ProtobufField& field, int depth) {
    if (++types_ > kMaxRowFields * 4) return too_many_fields();
    // TRY returns if type_of() fails, so it is not used within the initializer of Field
    SqlType of = TRY(type_of(field, depth));
    return Field{cased(field.name), std::move(of)};
  }

  Result<SqlType> type_of(const ProtobufField& field, int depth) {
    if (field.is_map) {
      SqlType key = TRY(element(field.message->fields[0], depth));
      return SqlType::map(std::move(key), TRY(element(field.message->fields[1], depth)));
    }
    SqlType type = TRY(element(field, depth));
    return field.is_repeated ? SqlType::array(std::move(type)) : type;
  }

  Result<SqlType> element(const ProtobufField& field, int depth) {
    switch (field.kind) {
      case ProtobufKind::Double:
      case ProtobufKind::Float:
        return SqlType(TypeKind::Double);
      case ProtobufKind::Int32:
      case ProtobufKind::Sint32:
      case ProtobufKind::Sfixed32:
        return SqlType(TypeKind::Integer);
      case ProtobufKind::Bool:
        return SqlType(TypeKind::Boolean);
      case ProtobufKind::String:
      case ProtobufKind::Enum:
        return SqlType(TypeKind::String);
      case ProtobufKind::Bytes:
        return SqlType(TypeKind::Bytes);
      case ProtobufKind::Message:
        return value_of_message(field, depth);
      default:
        return SqlType(TypeKind::Bigint);
    }
  }

  Result<SqlType> value_of_message(const ProtobufField& field, int depth) {
    switch (field.message->meaning) {
      case ProtobufMeaning::Timestamp:
        return SqlType(TypeKind::Timestamp);
      case ProtobufMeaning::Date:
        return SqlType(TypeKind::Date);
      case ProtobufMeaning::TimeOfDay:
        return SqlType(TypeKind::Time);
      case ProtobufMeaning::Decimal: {
        // Connect writes the precision 64 for a NUMERIC without a precision in the database.
        const int precision = field.precision == 0
                                  ? kMaxDecimalPrecision
                                  : std::min(field.precision, kMaxDecimalPrecision);
        if (precision < 1 || field.scale < 0 || field.scale > precision)
          return cannot(
              fmt::format("DECIMAL({}, {}) is not supported: the precision can be up to {}",
                          precision, field.scale, kMaxDecimalPrecision));
        return SqlType::decimal(precision, field.scale);
      }
      case ProtobufMeaning::Wrapper:
        return element(field.message->fields[0], depth + 1);
      case ProtobufMeaning::Plain:
        break;
    }
    return message(*field.message, depth + 1);
  }

  const NameCase names_;
  size_t types_ = 0;
};

class ProtobufDerivation {
 public:
  explicit ProtobufDerivation(ProtobufNulls nulls) : nulls_(nulls) {}

  std::string text(std::span<const ColumnDef> columns, std::string_view full_name) {
    const size_t dot = full_name.rfind('.');
    std::vector<Field> fields;
    for (const ColumnDef& column : columns) fields.push_back({column.name, column.type});
    std::string body;
    append_message(body, std::string(full_name.substr(dot + 1)), fields, "");
    std::string out = "syntax = \"proto3\";\n";
    if (dot != full_name.npos) out += fmt::format("package {};\n", full_name.substr(0, dot));
    out += '\n';
    for (const std::string_view import : imports_) out += fmt::format("import \"{}\";\n", import);
    if (!imports_.empty()) out += '\n';
    return out + body;
  }

 private:
  void append_message(std::string& out, const std::string& name, std::span<const Field> fields,
                      const std::string& indent) {
    out += fmt::format("{}message {} {{\n", indent, name);
    std::string nested;
    const std::string inner = indent + "  ";
    for (size_t i = 0; i < fields.size(); ++i) append_field(out, nested, fields[i], i + 1, inner);
    if (!nested.empty()) out += "\n" + nested;
    out += indent + "}\n";
  }

  void append_field(std::string& out, std::string& nested, const Field& field, size_t number,
                    const std::string& indent) {
    const SqlType& type = field.type;
    std::string declared;
    if (type.kind() == TypeKind::Array)
      declared = "repeated " + name_of(type.element(), nested, indent, ProtobufNulls::Lost);
    else if (type.kind() == TypeKind::Map)
      declared = fmt::format("map<string, {}>",
                             name_of(type.value(), nested, indent, ProtobufNulls::Lost));
    else
      declared = name_of(type, nested, indent, nulls_);
    out += fmt::format("{}{} {} = {}", indent, declared, avro_field_name(field.name), number);
    const SqlType& inner = type.kind() == TypeKind::Array ? type.element() : type;
    if (inner.kind() == TypeKind::Decimal)
      out += fmt::format(
          " [(confluent.field_meta) = {{\n{0}  params: [\n{0}    {{\n{0}      key: \"precision\",\n"
          "{0}      value: \"{1}\"\n{0}    }},\n{0}    {{\n{0}      key: \"scale\",\n"
          "{0}      value: \"{2}\"\n{0}    }}\n{0}  ]\n{0}}}]",
          indent, inner.precision(), inner.scale());
    out += ";\n";
  }

  std::string scalar(std::string_view plain, std::string_view wrapper, ProtobufNulls nulls) {
    if (nulls == ProtobufNulls::Optional) return fmt::format("optional {}", plain);
    if (nulls == ProtobufNulls::Lost) return std::string(plain);
    imports_.insert("google/protobuf/wrappers.proto");
    return fmt::format("google.protobuf.{}Value", wrapper);
  }

  std::string name_of(const SqlType& type, std::string& nested, const std::string& indent,
                      ProtobufNulls nulls) {
    switch (type.kind()) {
      case TypeKind::Boolean:
        return scalar("bool", "Bool", nulls);
      case TypeKind::Integer:
        return scalar("int32", "Int32", nulls);
      case TypeKind::Bigint:
        return scalar("int64", "Int64", nulls);
      case TypeKind::Double:
        return scalar("double", "Double", nulls);
      case TypeKind::Bytes:
        return scalar("bytes", "Bytes", nulls);
      case TypeKind::Decimal:
        imports_.insert("confluent/meta.proto");
        imports_.insert("confluent/type/decimal.proto");
        return "confluent.type.Decimal";
      case TypeKind::Date:
        imports_.insert("google/type/date.proto");
        return "google.type.Date";
      case TypeKind::Time:
        imports_.insert("google/type/timeofday.proto");
        return "google.type.TimeOfDay";
      case TypeKind::Timestamp:
        imports_.insert("google/protobuf/timestamp.proto");
        return "google.protobuf.Timestamp";
      case TypeKind::Struct:
        return add_nested(type.fields(), nested, indent);
      // Lists and maps cannot be nested directly, only within a message.
      case TypeKind::Array:
      case TypeKind::Map:
        return add_nested(std::vector<Field>{{"value", type}}, nested, indent);
      default:
        return scalar("string", "String", nulls);
    }
  }

  std::string add_nested(std::span<const Field> fields, std::string& nested,
                         const std::string& indent) {
    std::string name = fmt::format("ConnectDefault{}", ++messages_);
    append_message(nested, name, fields, indent);
    return name;
  }

  const ProtobufNulls nulls_;
  std::set<std::string_view> imports_;
  int messages_ = 1;
};

}  // namespace

Result<SqlType> sql_type_of(const ProtobufMessage& message, NameCase names) {
  return ProtobufInference(names).message(message, 0);
}

std::string derive_protobuf_schema(std::span<const ColumnDef> columns, std::string_view full_name,
                                   ProtobufNulls nulls) {
  return ProtobufDerivation(nulls).text(columns,
                                        full_name.empty() ? kDefaultProtobufName : full_name);
}

const ProtobufOneof* match_protobuf_oneof(const ProtobufMessage& message, std::string_view name) {
  const std::string wanted(name);
  const auto found = std::ranges::find_if(message.oneofs, [&](const ProtobufOneof& oneof) {
    return absl::EqualsIgnoreCase(oneof.column_name, wanted);
  });
  return found == message.oneofs.end() ? nullptr : &*found;
}

std::vector<int> match_protobuf_fields(const ProtobufMessage& message,
                                       const std::vector<std::string>& names) {
  std::vector<int> found(names.size(), -1);
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string spelled = avro_field_name(names[i]);
    for (size_t field = 0; field < message.fields.size(); ++field) {
      const std::string& name = message.fields[field].name;
      if (name == names[i] || name == spelled) {
        found[i] = static_cast<int>(field);
        break;
      }
      if (found[i] < 0 && absl::EqualsIgnoreCase(name, spelled)) found[i] = static_cast<int>(field);
    }
  }
  return found;
}

}  // namespace engine
