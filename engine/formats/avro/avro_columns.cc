#include "engine/formats/avro/avro_columns.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <utility>

#include "engine/formats/format.h"
#include "engine/types/row_limit.h"
#include "engine/types/text_json.h"

namespace engine {

namespace {

// The precision of a DECIMAL whose schema names none. Kafka Connect's own default is more than a column can hold.
constexpr int kDefaultPrecision = kMaxDecimalPrecision;

Error cannot_infer(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

std::string cased(std::string_view name, NameCase names) {
  return names == NameCase::Upper ? absl::AsciiStrToUpper(std::string(name)) : std::string(name);
}

class AvroInference {
 public:
  explicit AvroInference(NameCase names) : names_(names) {}

  Result<SqlType> infer(const AvroType& type, int depth) {
    if (depth > kMaxSchemaDepth)
      return cannot_infer("the Avro schema refers to itself: a column cannot hold that");
    if (++types_ > kMaxRowFields * 4) return too_many_fields();
    switch (type.kind) {
      case AvroKind::Null:
        return cannot_infer("the Avro type null alone has no values: a column cannot hold that");
      case AvroKind::Boolean:
        return SqlType(TypeKind::Boolean);
      case AvroKind::Int:
        return SqlType(type.logical == AvroLogical::Date         ? TypeKind::Date
                       : type.logical == AvroLogical::TimeMillis ? TypeKind::Time
                                                                 : TypeKind::Integer);
      case AvroKind::Long:
        return SqlType(type.logical == AvroLogical::TimestampMillis ? TypeKind::Timestamp
                                                                    : TypeKind::Bigint);
      case AvroKind::Float:
      case AvroKind::Double:
        return SqlType(TypeKind::Double);
      case AvroKind::String:
      case AvroKind::Enum:
        return SqlType(TypeKind::String);
      case AvroKind::Bytes:
      case AvroKind::Fixed:
        return bytes_type(type);
      case AvroKind::Array:
        if (type.element->without_null().is_map_entry) return map_of_entries(type, depth);
        return SqlType::array(TRY(infer(*type.element, depth + 1)));
      case AvroKind::Map:
        return SqlType::map(TypeKind::String, TRY(infer(*type.element, depth + 1)));
      case AvroKind::Record: {
        std::vector<Field> fields;
        for (const AvroField& field : type.fields) {
          // TRY returns if infer() fails, so it is not used within the call of push_back()
          SqlType of = TRY(infer(*field.type, depth + 1));
          fields.push_back({cased(field.name, names_), std::move(of)});
        }
        if (fields.empty()) return cannot_infer(fmt::format("record {} has no fields", type.name));
        return SqlType::structure(std::move(fields));
      }
      case AvroKind::Union:
        return union_type(type, depth);
    }
    return SqlType();
  }

 private:
  static Result<SqlType> bytes_type(const AvroType& type) {
    if (type.logical != AvroLogical::Decimal) return SqlType(TypeKind::Bytes);
    const int precision = type.precision == 0 ? kDefaultPrecision : type.precision;
    if (type.scale > kMaxDecimalPrecision)
      return cannot_infer(fmt::format("DECIMAL({}, {}) is not supported: the scale can be up to {}",
                                      precision, type.scale, kMaxDecimalPrecision));
    // Connect's JDBC source writes the precision 64 for a NUMERIC without a precision, although its values are not
    // longer than other numbers. If a value is too long, reading its record reports an error.
    return SqlType::decimal(std::min(precision, kMaxDecimalPrecision), type.scale);
  }

  Result<SqlType> map_of_entries(const AvroType& type, int depth) {
    const AvroType& entry = type.element->without_null();
    SqlType key = TRY(infer(*entry.fields[0].type, depth + 1));
    SqlType value = TRY(infer(*entry.fields[1].type, depth + 1));
    return SqlType::map(std::move(key), std::move(value));
  }

  Result<SqlType> union_type(const AvroType& type, int depth) {
    const AvroType& single = type.without_null();
    if (&single != &type) return infer(single, depth + 1);
    std::vector<Field> fields;
    for (const AvroType* branch : type.branches) {
      if (branch->kind == AvroKind::Null) continue;
      const std::string_view full = branch->name;
      const std::string_view name =
          full.empty() ? avro_kind_name(branch->kind) : full.substr(full.rfind('.') + 1);
      SqlType of = TRY(infer(*branch, depth + 1));
      fields.push_back({cased(name, names_), std::move(of)});
    }
    if (fields.empty()) return cannot_infer("an Avro union without types has no values");
    return SqlType::structure(std::move(fields));
  }

  const NameCase names_;
  size_t types_ = 0;
};

class AvroDerivation {
 public:
  std::string take() { return std::move(out_); }

  void record(std::span<const ColumnDef> columns, const std::string& full_name) {
    begin_record(full_name);
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) out_ += ',';
      field(columns[i].name, columns[i].type, full_name + "_");
    }
    out_ += "],\"connect.name\":";
    text(full_name);
    out_ += '}';
  }

  // Writes a type. `name` is the name that a record gets in this place.
  void type(const SqlType& type, const std::string& name) {
    switch (type.kind()) {
      case TypeKind::Boolean:
        out_ += "\"boolean\"";
        break;
      case TypeKind::Integer:
        out_ += "\"int\"";
        break;
      case TypeKind::Bigint:
        out_ += "\"long\"";
        break;
      case TypeKind::Double:
        out_ += "\"double\"";
        break;
      case TypeKind::Bytes:
        out_ += "\"bytes\"";
        break;
      case TypeKind::Decimal:
        out_ +=
            fmt::format(R"({{"type":"bytes","scale":{},"precision":{},"logicalType":"decimal"}})",
                        type.scale(), type.precision());
        break;
      case TypeKind::Date:
        out_ += R"({"type":"int","logicalType":"date"})";
        break;
      case TypeKind::Time:
        out_ += R"({"type":"int","logicalType":"time-millis"})";
        break;
      case TypeKind::Timestamp:
        out_ += R"({"type":"long","logicalType":"timestamp-millis"})";
        break;
      case TypeKind::Array:
        out_ += R"({"type":"array","items":)";
        optional(type.element(), name);
        out_ += '}';
        break;
      case TypeKind::Map:
        map(type, name);
        break;
      case TypeKind::Struct: {
        std::vector<ColumnDef> columns;
        for (const Field& part : type.fields()) columns.push_back({part.name, part.type});
        record(columns, name);
        break;
      }
      default:
        out_ += "\"string\"";
    }
  }

 private:
  void text(std::string_view value) { append_json_string(out_, value); }

  void begin_record(const std::string& full_name) {
    const size_t dot = full_name.rfind('.');
    out_ += R"({"type":"record","name":)";
    text(dot == full_name.npos ? full_name : full_name.substr(dot + 1));
    // Only the outermost record names the namespace, because types within it are in the same namespace.
    if (dot != full_name.npos && !std::exchange(has_namespace_, true)) {
      out_ += R"(,"namespace":)";
      text(full_name.substr(0, dot));
    }
    out_ += R"(,"fields":[)";
  }

  void field(const std::string& column, const SqlType& of, const std::string& prefix) {
    const std::string name = avro_field_name(column);
    out_ += R"({"name":)";
    text(name);
    out_ += R"(,"type":)";
    optional(of, prefix + name);
    out_ += R"(,"default":null})";
  }

  void optional(const SqlType& of, const std::string& name) {
    out_ += R"(["null",)";
    type(of, name);
    out_ += ']';
  }

  // Writes the type of a MAP. Avro's maps only have texts as keys; other maps are written as lists of entries.
  void map(const SqlType& of, const std::string& name) {
    if (of.key().kind() == TypeKind::String) {
      out_ += R"({"type":"map","values":)";
      optional(of.value(), name + "_MapValue");
      out_ += '}';
      return;
    }
    out_ += R"({"type":"array","items":)";
    begin_record(name);
    field("key", of.key(), name + "_Map");
    out_ += ',';
    field("value", of.value(), name + "_Map");
    out_ += R"(],"connect.internal.type":"MapEntry"}})";
  }

  std::string out_;
  bool has_namespace_ = false;
};

}  // namespace

Result<SqlType> sql_type_of(const AvroType& type, NameCase names) {
  return AvroInference(names).infer(type, 0);
}

std::string avro_field_name(std::string_view column) {
  std::string name(column);
  for (char& c : name)
    if (c != '_' && !absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  if (name.empty() || absl::ascii_isdigit(static_cast<unsigned char>(name.front())))
    name.insert(name.begin(), '_');
  return name;
}

std::string derive_avro_schema(std::span<const ColumnDef> columns, bool wrapped,
                               std::string_view full_name) {
  AvroDerivation derivation;
  const std::string name(full_name.empty() ? kDefaultAvroName : full_name);
  if (wrapped)
    derivation.record(columns, name);
  else
    derivation.type(columns.front().type, name);
  return derivation.take();
}

}  // namespace engine
