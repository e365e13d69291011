#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/avro/avro.h"
#include "engine/formats/avro/avro_columns.h"
#include "engine/formats/avro/avro_values.h"
#include "engine/formats/avro/big_integer.h"
#include "engine/formats/record_buffer.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

void append_whole(std::string& out, int64_t value) { append_varint(out, zigzag(value)); }

void append_text(std::string& out, std::string_view bytes) {
  append_whole(out, static_cast<int64_t>(bytes.size()));
  out += bytes;
}

template <class T>
void append_little_endian(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The following functions write to a RecordBuffer, which has the values of rows.

void put_whole(RecordBuffer& out, int64_t value) {
  out.make_room(RecordBuffer::kVarintRoom);
  out.put_varint(zigzag(value));
}

void put_text(RecordBuffer& out, std::string_view bytes) {
  out.make_room(RecordBuffer::kVarintRoom + bytes.size());
  out.put_varint(zigzag(static_cast<int64_t>(bytes.size())));
  out.put(bytes);
}

template <class T>
void put_fixed(RecordBuffer& out, T value) {
  out.make_room(sizeof value);
  out.put_little_endian(value);
}

void put_byte(RecordBuffer& out, char byte) {
  out.make_room(1);
  out.put(byte);
}

// Writes rows of one column in one Avro type.
class AvroValueWriter {
 public:
  static Result<AvroValueWriter> make(const AvroType& to, const SqlType& from,
                                      const std::string& path, int depth = 0) {
    AvroValueWriter writer(to, path);
    TRY(writer.bind(from, depth));
    return writer;
  }
  // Makes a writer for a field without a column, which writes the schema's default (AvroField::otherwise).
  static Result<AvroValueWriter> make_default(const AvroField& field, const std::string& path) {
    AvroValueWriter writer(*field.type, path);
    writer.default_bytes_.emplace();
    if (field.otherwise) {
      TRY(append_default(*field.type, *field.otherwise, *writer.default_bytes_, path, 0));
    } else if (field.type->null_branch() >= 0) {
      append_whole(*writer.default_bytes_, field.type->null_branch());
    } else if (field.type->kind != AvroKind::Null) {
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("field {} of the schema has no column and no default", path)};
    }
    return writer;
  }

  // Writes a value. Returns false if it cannot be written, with the reason in `error`.
  bool write(const Column* column, size_t row, RecordBuffer& out, std::string& error) const {
    // As in Avro's own writers, a null in a field that is not nullable becomes the schema's
    // default.
    if (default_bytes_ && (column == nullptr || (column->is_null(row) && null_branch_ < 0))) {
      out.append(*default_bytes_);
      return true;
    }
    if (column->is_null(row)) {
      if (null_branch_ < 0) return refuse("is null, which the schema does not allow", error);
      put_whole(out, null_branch_);
      return true;
    }
    if (branch_ >= 0) put_whole(out, branch_);
    return write_value(*column, row, out, error);
  }

  // Writes a record whose fields are columns. Returns false as write() does.
  bool write_record(std::span<const Column* const> columns, size_t row, RecordBuffer& out,
                    std::string& error) const {
    if (branch_ >= 0) put_whole(out, branch_);
    return write_fields([&](size_t column) { return columns[column]; }, row, out, error);
  }

 private:
  AvroValueWriter(const AvroType& to, std::string path) : to_(&to), path_(std::move(path)) {}

  bool refuse(std::string_view why, std::string& error) const {
    error = fmt::format("column {} {}", path_, why);
    return false;
  }

  Error unfit(const SqlType& from) const {
    return Error{
        ErrorCode::InvalidStatement,
        fmt::format("{} is {}, and cannot be written as Avro's {}",
                    path_.empty() ? "the record" : "column " + path_, from.to_string(),
                    to_->name.empty() ? std::string(avro_kind_name(to_->kind)) : to_->name)};
  }

  Status bind(const SqlType& from, int depth) {
    if (depth > kMaxSchemaDepth) return unfit(from);
    if (to_->kind == AvroKind::Union) return bind_union(from, depth);
    switch (from.kind()) {
      case TypeKind::Array:
        if (to_->kind != AvroKind::Array) return unfit(from);
        parts_.push_back(TRY(make(*to_->element, from.element(), path_ + "[]", depth + 1)));
        return {};
      case TypeKind::Map:
        return bind_map(from, depth);
      case TypeKind::Struct:
        if (to_->kind != AvroKind::Record) return unfit(from);
        return bind_fields(from, depth);
      default:
        return is_scalar_possible(from) ? Status{} : unfit(from);
    }
  }

  bool is_scalar_possible(const SqlType& from) const {
    switch (from.kind()) {
      case TypeKind::Boolean:
        return to_->kind == AvroKind::Boolean;
      case TypeKind::Integer:
        return to_->kind == AvroKind::Int || to_->kind == AvroKind::Long ||
               to_->kind == AvroKind::Float || to_->kind == AvroKind::Double;
      case TypeKind::Date:
        return to_->kind == AvroKind::Int;
      case TypeKind::Time:
        return to_->kind == AvroKind::Int || to_->logical == AvroLogical::TimeMicros;
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return to_->kind == AvroKind::Long;
      case TypeKind::Double:
        return to_->kind == AvroKind::Float || to_->kind == AvroKind::Double;
      case TypeKind::Decimal:
        return to_->logical == AvroLogical::Decimal && to_->scale >= from.scale();
      case TypeKind::String:
        return to_->kind == AvroKind::String || to_->kind == AvroKind::Enum;
      case TypeKind::Bytes:
        return to_->kind == AvroKind::Bytes || to_->kind == AvroKind::Fixed;
      default:
        return false;
    }
  }

  // Selects the first branch that can hold the column.
  Status bind_union(const SqlType& from, int depth) {
    const AvroType& all = *to_;
    null_branch_ = all.null_branch();
    Status first_failure = unfit(from);
    for (size_t i = 0; i < all.branches.size(); ++i) {
      if (static_cast<int>(i) == null_branch_) continue;
      to_ = all.branches[i];
      branch_ = static_cast<int>(i);
      Status bound = bind(from, depth + 1);
      if (bound) return bound;
      if (all.without_null().kind != AvroKind::Union) first_failure = std::move(bound);
      parts_.clear();
      steps_.clear();
      to_ = &all;
    }
    return first_failure;
  }

  Status bind_map(const SqlType& from, int depth) {
    if (to_->kind == AvroKind::Map) {
      if (from.key().kind() != TypeKind::String) return unfit(from);
      parts_.push_back(TRY(make(*to_->element, from.value(), path_ + "{}", depth + 1)));
      return {};
    }
    if (to_->kind != AvroKind::Array || to_->element->kind != AvroKind::Record ||
        to_->element->fields.size() != 2)
      return unfit(from);
    const AvroType& entry = *to_->element;
    parts_.push_back(TRY(make(*entry.fields[0].type, from.key(), path_ + "{}", depth + 1)));
    parts_.push_back(TRY(make(*entry.fields[1].type, from.value(), path_ + "{}", depth + 1)));
    return {};
  }

  Status bind_fields(const SqlType& from, int depth) {
    std::vector<std::string> names;
    for (const Field& field : from.fields()) names.push_back(field.name);
    const std::vector<int> fields = match_avro_fields(*to_, names);
    for (size_t i = 0; i < to_->fields.size(); ++i) {
      const auto found = std::ranges::find(fields, static_cast<int>(i));
      const std::string path = (path_.empty() ? "" : path_ + ".") + to_->fields[i].name;
      const bool is_there = found != fields.end();
      Step& step = steps_.emplace_back();
      const AvroField& field = to_->fields[i];
      if (!is_there) {
        parts_.push_back(TRY(make_default(field, path)));
        continue;
      }
      step.column = static_cast<int>(found - fields.begin());
      const SqlType& type = from.fields()[static_cast<size_t>(step.column)].type;
      AvroValueWriter part = TRY(make(*field.type, type, path, depth + 1));
      if (field.otherwise && part.null_branch_ < 0)
        TRY(append_default(*field.type, *field.otherwise, part.default_bytes_.emplace(), path, 0));
      step.way = part.way_of(type);
      step.is_in_union = part.branch_ >= 0;
      step.branch = static_cast<char>(zigzag(part.branch_));
      parts_.push_back(std::move(part));
    }
    const auto lost = std::ranges::find(fields, -1);
    if (lost == fields.end()) return {};
    return Error{
        ErrorCode::InvalidStatement,
        fmt::format("the schema has no field for column {}{}", path_.empty() ? "" : path_ + ".",
                    from.fields()[static_cast<size_t>(lost - fields.begin())].name)};
  }

  bool write_value(const Column& column, size_t row, RecordBuffer& out, std::string& error) const {
    switch (column.type().kind()) {
      case TypeKind::Boolean:
        put_byte(out, column.data<uint8_t>()[row] != 0);
        return true;
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        return write_number(column.data<int32_t>()[row], out);
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return write_number(column.data<int64_t>()[row], out);
      case TypeKind::Double: {
        const double value = column.data<double>()[row];
        if (to_->kind == AvroKind::Float)
          put_fixed(out, static_cast<float>(value));
        else
          put_fixed(out, value);
        return true;
      }
      case TypeKind::Decimal:
        return write_decimal(column, row, out, error);
      case TypeKind::String:
      case TypeKind::Bytes:
        return write_text(column.data<std::string_view>()[row], out, error);
      case TypeKind::Array:
      case TypeKind::Map:
        return write_list(column, row, out, error);
      default:
        return write_fields([&](size_t child) { return &column.child(child); }, row, out, error);
    }
  }

  // How a field of a record is written. The most frequent types have values of their own, so that they are written
  // without another switch over the type.
  enum class Way : uint8_t { Whole32, Whole64, Text, Other };
  struct Step {
    Way way = Way::Other;
    char branch = 0;  // encoded index of its branch in a union
    bool is_in_union = false;
    int column = -1;  // index of the column or child; -1: the default
  };

  // Returns how a part is written that is already bound.
  Way way_of(const SqlType& from) const {
    constexpr int kMaxBranch = 63;  // the largest index that is encoded in one byte
    if (default_bytes_ || branch_ > kMaxBranch || to_->logical == AvroLogical::TimeMicros ||
        to_->logical == AvroLogical::TimestampMicros)
      return Way::Other;
    const bool is_whole = to_->kind == AvroKind::Int || to_->kind == AvroKind::Long;
    switch (from.kind()) {
      case TypeKind::Integer:
      case TypeKind::Date:
      case TypeKind::Time:
        return is_whole ? Way::Whole32 : Way::Other;
      case TypeKind::Bigint:
      case TypeKind::Timestamp:
        return is_whole ? Way::Whole64 : Way::Other;
      case TypeKind::String:
        return to_->kind == AvroKind::String ? Way::Text : Way::Other;
      case TypeKind::Bytes:
        return to_->kind == AvroKind::Bytes ? Way::Text : Way::Other;
      default:
        return Way::Other;
    }
  }

  template <class FindColumn>
  bool write_fields(FindColumn find_column, size_t row, RecordBuffer& out,
                    std::string& error) const {
    const AvroValueWriter* part = parts_.data();
    for (const Step& step : steps_) {
      const Column* from =
          step.column < 0 ? nullptr : find_column(static_cast<size_t>(step.column));
      if (step.way == Way::Other || from->is_null(row)) {
        if (!part++->write(from, row, out, error)) return false;
        continue;
      }
      ++part;
      out.make_room(1 + RecordBuffer::kVarintRoom);
      if (step.is_in_union) out.put(step.branch);
      if (step.way == Way::Whole32)
        out.put_varint(zigzag(from->data<int32_t>()[row]));
      else if (step.way == Way::Whole64)
        out.put_varint(zigzag(from->data<int64_t>()[row]));
      else
        put_text(out, from->data<std::string_view>()[row]);
    }
    return true;
  }

  bool write_number(int64_t value, RecordBuffer& out) const {
    switch (to_->kind) {
      case AvroKind::Float:
        put_fixed(out, static_cast<float>(value));
        break;
      case AvroKind::Double:
        put_fixed(out, static_cast<double>(value));
        break;
      default:
        if (to_->logical == AvroLogical::TimeMicros || to_->logical == AvroLogical::TimestampMicros)
          value *= 1000;
        put_whole(out, value);
    }
    return true;
  }

  bool write_decimal(const Column& column, size_t row, RecordBuffer& out,
                     std::string& error) const {
    const Int128 value = column.data<Int128>()[row];
    const SqlType& type = column.type();
    if (!fits_precision(value, type.precision()))
      return refuse(": " + type.to_string() + " cannot hold the value", error);
    Int128 scaled = value;
    if (to_->scale != type.scale()) {
      const auto rescaled =
          rescale({value, type.scale()}, kMaxDecimalPrecision, to_->scale, Rounding::Exact);
      if (!rescaled) return refuse("has more digits than the schema takes", error);
      scaled = *rescaled;
    }
    char buffer[sizeof(Int128)];
    std::string_view bytes = big_integer_bytes(scaled, buffer);
    if (to_->kind != AvroKind::Fixed) {
      put_text(out, bytes);
      return true;
    }
    if (bytes.size() > to_->size) return refuse("has more digits than the schema takes", error);
    out.append(std::string(to_->size - bytes.size(), scaled < 0 ? '\xff' : '\0'));
    out.append(bytes);
    return true;
  }

  bool write_text(std::string_view value, RecordBuffer& out, std::string& error) const {
    if (to_->kind == AvroKind::Enum) {
      const auto symbol = std::ranges::find(to_->symbols, value);
      if (symbol == to_->symbols.end())
        return refuse(fmt::format("has a value that is not a symbol of enum {}", to_->name), error);
      put_whole(out, symbol - to_->symbols.begin());
      return true;
    }
    if (to_->kind == AvroKind::Fixed) {
      if (value.size() != to_->size)
        return refuse(fmt::format("has {} bytes, and the schema wants {}", value.size(), to_->size),
                      error);
      out.append(value);
      return true;
    }
    put_text(out, value);
    return true;
  }

  bool write_list(const Column& column, size_t row, RecordBuffer& out, std::string& error) const {
    const uint32_t first = column.offsets()[row], end = column.offsets()[row + 1];
    if (first != end) put_whole(out, end - first);
    for (uint32_t i = first; i < end; ++i) {
      if (column.type().kind() == TypeKind::Map) {
        if (to_->kind == AvroKind::Map) {
          const Column& keys = column.child(0);
          if (keys.is_null(i)) return refuse("has a null key", error);
          put_text(out, keys.data<std::string_view>()[i]);
        } else if (!parts_[0].write(&column.child(0), i, out, error)) {
          return false;
        }
        if (!parts_.back().write(&column.child(1), i, out, error)) return false;
      } else if (!parts_[0].write(&column.child(0), i, out, error)) {
        return false;
      }
    }
    put_byte(out, '\0');
    return true;
  }

  // Appends the encoded default of a schema, which is JSON as defined by the specification. The
  // default of a union is a value of its first branch.
  static Status append_default(const AvroType& type, const JsonTree& json, std::string& out,
                               const std::string& path, int depth);

  const AvroType* to_;
  std::string path_;
  int null_branch_ = -1, branch_ = -1;
  std::vector<AvroValueWriter> parts_;
  std::vector<Step> steps_;  // for a record: one step for each part, which is a field
  std::optional<std::string> default_bytes_;
};

Status AvroValueWriter::append_default(const AvroType& type, const JsonTree& json, std::string& out,
                                       const std::string& path, int depth) {
  const auto unfit = [&]() -> Error {
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("the default of field {} does not fit its type: {}", path,
                             json_tree_text(json))};
  };
  if (depth > kMaxSchemaDepth) return unfit();
  const bool is_number = json.kind == JsonKind::Number;
  switch (type.kind) {
    case AvroKind::Null:
      return json.is_null() ? Status{} : unfit();
    case AvroKind::Boolean:
      if (json.kind != JsonKind::Boolean) return unfit();
      out += static_cast<char>(json.boolean);
      return {};
    case AvroKind::Int:
    case AvroKind::Long: {
      const auto value = is_number ? parse_bigint(json.text) : std::nullopt;
      if (!value) return unfit();
      append_whole(out, *value);
      return {};
    }
    case AvroKind::Float:
    case AvroKind::Double: {
      const auto value = is_number ? parse_double(json.text) : std::nullopt;
      if (!value) return unfit();
      if (type.kind == AvroKind::Float)
        append_little_endian(out, static_cast<float>(*value));
      else
        append_little_endian(out, *value);
      return {};
    }
    case AvroKind::String:
    case AvroKind::Bytes:
      if (json.kind != JsonKind::String) return unfit();
      append_text(out, json.text);
      return {};
    case AvroKind::Fixed:
      if (json.kind != JsonKind::String || json.text.size() != type.size) return unfit();
      out += json.text;
      return {};
    case AvroKind::Enum: {
      const auto symbol = std::ranges::find(type.symbols, json.text);
      if (json.kind != JsonKind::String || symbol == type.symbols.end()) return unfit();
      append_whole(out, symbol - type.symbols.begin());
      return {};
    }
    case AvroKind::Array:
      if (json.kind != JsonKind::Array) return unfit();
      if (!json.items.empty()) append_whole(out, static_cast<int64_t>(json.items.size()));
      for (const JsonTree& item : json.items)
        TRY(append_default(*type.element, item, out, path, depth + 1));
      out += '\0';
      return {};
    case AvroKind::Map:
      if (json.kind != JsonKind::Object) return unfit();
      if (!json.members.empty()) append_whole(out, static_cast<int64_t>(json.members.size()));
      for (const auto& [key, value] : json.members) {
        append_text(out, key);
        TRY(append_default(*type.element, value, out, path, depth + 1));
      }
      out += '\0';
      return {};
    case AvroKind::Record:
      if (json.kind != JsonKind::Object) return unfit();
      for (const AvroField& field : type.fields) {
        const JsonTree* member = json.find(field.name);
        if (member == nullptr) member = field.otherwise ? &*field.otherwise : nullptr;
        if (member == nullptr) return unfit();
        TRY(append_default(*field.type, *member, out, path, depth + 1));
      }
      return {};
    case AvroKind::Union:
      for (size_t i = 0; i < type.branches.size(); ++i) {
        std::string bytes;
        append_whole(bytes, static_cast<int64_t>(i));
        if (!append_default(*type.branches[i], json, bytes, path, depth + 1)) continue;
        out += bytes;
        return {};
      }
      return unfit();
  }
  return unfit();
}

class AvroWriter final : public Writer {
 public:
  AvroWriter(AvroSchemaPtr schema, int32_t id, AvroValueWriter root, bool wrapped, Side side)
      : schema_(std::move(schema)),
        header_(header_of(id)),
        root_(std::move(root)),
        wrapped_(wrapped),
        side_(side) {}

  void write(std::span<const Column* const> columns, RowRange rows, const Bitmap* present,
             EncodedRows& out) override {
    std::string error;
    RecordBuffer buffer(out.bytes);
    for (size_t row = rows.first; row < rows.end; ++row) {
      const size_t begin = buffer.size();
      bool is_present = has_payload(columns, row, present, wrapped_, side_);
      if (is_present) {
        buffer.append(header_);
        const bool is_written = wrapped_ ? root_.write_record(columns, row, buffer, error)
                                         : root_.write(columns[0], row, buffer, error);
        if (!is_written) {
          buffer.cut(begin);
          is_present = false;
          out.problems.push_back({row, error});
        }
      }
      out.close(buffer.size(), is_present);
    }
    buffer.finish();
  }

 private:
  static std::string header_of(int32_t id) {
    std::string header;
    append_schema_header(header, id);
    return header;
  }

  const AvroSchemaPtr schema_;  // root_ points into it
  const std::string header_;
  const AvroValueWriter root_;
  const bool wrapped_;
  const Side side_;
};

SqlType record_type(std::span<const ColumnDef> columns) {
  std::vector<Field> fields;
  for (const ColumnDef& column : columns) fields.push_back({column.name, column.type});
  return SqlType::structure(std::move(fields));
}

}  // namespace

Result<std::unique_ptr<Writer>> make_avro_writer(const SchemaText& schema, int32_t id,
                                                 std::span<const ColumnDef> columns, bool wrapped,
                                                 Side side) {
  AvroSchemaPtr parsed = TRY(AvroSchema::parse(schema));
  AvroValueWriter root =
      wrapped ? TRY(AvroValueWriter::make(parsed->root(), record_type(columns), ""))
              : TRY(AvroValueWriter::make(parsed->root(), columns[0].type, columns[0].name));
  return std::unique_ptr<Writer>(
      std::make_unique<AvroWriter>(std::move(parsed), id, std::move(root), wrapped, side));
}

}  // namespace engine
